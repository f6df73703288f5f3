import Dispatch
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import Synchronization
import UnixSignals
import VarveFormat
import VarveProof

/// A witness over HTTP (c2sp.org/tlog-witness): `POST /add-checkpoint` and `GET /<origin hash>/checkpoint`. Encryption is
/// for a proxy in front of it; whatever is said here is public, and signed where it matters.
public struct WitnessServer: Sendable {
  /// Connections at one time; more wait to be accepted.
  private static let connectionLimit = 256
  private static let idleSeconds: Int64 = 60

  private let witness: Witness

  public init(_ witness: Witness) { self.witness = witness }

  /// Serves until SIGTERM, SIGINT or SIGHUP asks to stop; requests under way are finished. Blocks its thread.
  ///
  /// - Parameter started: called with the address and port once connections are accepted.
  /// - Throws: `VarveError.Code.io` when it cannot listen there.
  public func run(
    host: String, port: Int, started: @escaping @Sendable (_ host: String, _ port: Int) -> Void
  ) throws {
    let quiet = Logger(label: "varve") { _ in SwiftLogNoOpLogHandler() }
    let application = Application(
      router: router(),
      server: .http1(configuration: .init(idleTimeout: .seconds(Self.idleSeconds))),
      configuration: ApplicationConfiguration(
        address: .hostname(host, port: port),
        availableConnectionsDelegate: MaximumAvailableConnections(
          Self.connectionLimit, logger: quiet)),
      onServerRunning: { channel in
        started(host, channel.localAddress?.port ?? port)
      }, logger: quiet)
    let failure = Mutex<(any Error)?>(nil)
    let ended = DispatchSemaphore(value: 0)
    Task.detached {
      do {
        try await application.runService(
          gracefulShutdownSignals: [.sigterm, .sigint, .sighup])
      } catch {
        failure.withLock { $0 = error }
      }
      ended.signal()
    }
    ended.wait()
    if let error = failure.withLock({ $0 }) {
      throw VarveError(
        .io, "cannot serve at \(host), port \(port): \(error)",
        hint: "see whether another program listens there")
    }
  }

  private func router() -> Router<BasicRequestContext> {
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
      return try await NIOThreadPool.singleton.runIfActive { witness.addCheckpoint(bytes) }
        .response
    }
    router.get(":origin/checkpoint") { _, context in
      let hash = try context.parameters.require("origin")
      return try await NIOThreadPool.singleton.runIfActive { witness.checkpoint(ofHash: hash) }
        .response
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
