import HTTPTypes
import Hummingbird
import NIOCore
import NIOPosix
import VarveProof

/// A witness over HTTP (c2sp.org/tlog-witness): `POST /add-checkpoint` and `GET /<origin hash>/checkpoint`. Encryption is
/// for a proxy in front of it; whatever is said here is public, and signed where it matters.
public struct WitnessServer: Sendable {
  public struct Options: Sendable {
    public var pace = PaceLimits()
    /// At one time; more wait to be accepted.
    public var connections = 256
    /// For what is under way when the server is asked to stop.
    public var stopSeconds: Int64 = 30
    /// Signals that end it; for a server that is not the whole process, none.
    public var followsSignals = true
    /// Where its tasks run; nil for the threads that all tasks of the process share, which nothing else must block.
    package var executor: (any TaskExecutor)?

    public init() {}
  }

  /// Threads for what syncs files.
  private static let threadCount = 4

  private let witness: Witness
  private let host: HTTPHost

  public init(_ witness: Witness, options: Options = Options()) {
    self.witness = witness
    host = HTTPHost(
      HTTPHost.Options(
        certificates: nil, pace: options.pace, connections: options.connections,
        stopSeconds: options.stopSeconds, followsSignals: options.followsSignals,
        endsAtHangup: true, executor: options.executor, threads: Self.threadCount))
  }

  /// Serves until SIGTERM, SIGINT or SIGHUP asks to stop; requests under way are finished. Blocks its thread.
  ///
  /// - Parameter started: called with the address and port once connections are accepted.
  /// - Throws: `VarveError.Code.io` when it cannot listen there.
  public func run(
    host: String, port: Int, started: @escaping @Sendable (_ host: String, _ port: Int) -> Void
  ) throws {
    try self.host.run(
      host: host, port: port, responder: { self.router($0).buildResponder() }, beside: { _ in },
      started: started)
  }

  /// Asks a running server to stop; `run` returns when it has.
  public func stop() { host.stop() }

  private func router(_ threads: NIOThreadPool) -> Router<BasicRequestContext> {
    let router = Router()
    let witness = witness
    router.post("add-checkpoint") { request, _ in
      let body: ByteBuffer
      do {
        body = try await request.body.collect(upTo: CheckpointSubmission.largestByteCount)
      } catch is NIOTooManyBytesError {
        return Response(status: .contentTooLarge)
      }
      let bytes = Array(body.readableBytesView)
      // It syncs files, which is not for the threads that all connections share.
      return try await threads.runIfActive { witness.addCheckpoint(bytes) }.response
    }
    router.get(":origin/checkpoint") { _, context in
      let hash = try context.parameters.require("origin")
      return try await threads.runIfActive { witness.checkpoint(ofHash: hash) }.response
    }
    return router
  }
}

extension WitnessAnswer {
  fileprivate var response: Response {
    Response(
      status: HTTPResponse.Status(code: status), headers: [.contentType: contentType],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
  }
}
