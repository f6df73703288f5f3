import Dispatch
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import UnixSignals
import VarveFormat

/// A port of this process: listens, answers, and stops when it is asked to, requests under way finished.
final class HTTPHost: Sendable {
  struct Options: Sendable {
    /// nil for no encryption.
    var certificates: ServerCertificates?
    var pace = PaceLimits()
    /// At one time; more wait to be accepted.
    var connections: Int
    /// For what is under way when it is asked to stop.
    var stopSeconds: Int64
    /// Signals that end it; for a server that is not the whole process, none.
    var followsSignals: Bool
    /// SIGHUP is one of them, for a server that has nothing to read again.
    var endsAtHangup = false
    /// Where its tasks run; nil for the threads that all tasks of the process share, which nothing else must block.
    var executor: (any TaskExecutor)?
    /// Threads for what blocks.
    var threads: Int
  }

  private let options: Options
  private let group = Mutex<ServiceGroup?>(nil)

  init(_ options: Options) { self.options = options }

  /// Serves until it is asked to stop. Blocks its thread.
  ///
  /// - Parameters:
  ///   - responder: made with the threads for what blocks.
  ///   - beside: runs as long as it serves.
  ///   - stopping: called when it is asked to stop, before requests under way are waited for. Must not block.
  ///   - started: called with the address and port once connections are accepted.
  /// - Throws: `VarveError.Code.io` when it cannot listen there.
  func run<Responder: HTTPResponder>(
    host: String, port: Int, responder: @escaping @Sendable (NIOThreadPool) -> Responder,
    beside: @escaping @Sendable (NIOThreadPool) async -> Void,
    stopping: @escaping @Sendable () -> Void = {},
    started: @escaping @Sendable (_ host: String, _ port: Int) -> Void
  ) throws where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
    let failure = Mutex<(any Error)?>(nil)
    let ended = DispatchSemaphore(value: 0)
    Task.detached(executorPreference: options.executor) {
      do {
        try await self.serve(host, port, responder, beside, stopping, started)
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

  /// Asks it to stop; `run` returns when it has.
  func stop() {
    guard let group = group.withLock({ $0 }) else { return }
    Task.detached(executorPreference: options.executor) {
      await group.triggerGracefulShutdown()
    }
  }

  private func serve<Responder: HTTPResponder>(
    _ host: String, _ port: Int, _ responder: @Sendable (NIOThreadPool) -> Responder,
    _ beside: @escaping @Sendable (NIOThreadPool) async -> Void,
    _ stopping: @escaping @Sendable () -> Void,
    _ started: @escaping @Sendable (String, Int) -> Void
  ) async throws where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
    let threads = NIOThreadPool(numberOfThreads: options.threads)
    threads.start()
    let quiet = Logger(label: "varve") { _ in SwiftLogNoOpLogHandler() }
    let options = options
    let application = Application(
      responder: responder(threads),
      server: HTTPServerBuilder { responder in
        ServerChannel(responder, certificates: options.certificates, pace: options.pace)
      },
      configuration: ApplicationConfiguration(
        address: .hostname(host, port: port),
        availableConnectionsDelegate: MaximumAvailableConnections(
          options.connections, logger: quiet)),
      onServerRunning: { channel in started(host, channel.localAddress?.port ?? port) },
      logger: quiet)
    var signals: [UnixSignal] = options.followsSignals ? [.sigterm, .sigint] : []
    if options.followsSignals, options.endsAtHangup { signals.append(.sighup) }
    var configuration = ServiceGroupConfiguration(
      // The last is the first to stop.
      services: [application, StopNotice(tell: stopping)], gracefulShutdownSignals: signals,
      logger: quiet)
    configuration.maximumGracefulShutdownDuration = .seconds(options.stopSeconds)
    let group = ServiceGroup(configuration: configuration)
    self.group.withLock { $0 = group }
    let watch = Task.detached(executorPreference: options.executor) { await beside(threads) }
    defer { watch.cancel() }
    let result: Result<Void, any Error>
    do {
      try await group.run()
      result = .success(())
    } catch is CancellationError {
      // Requests that did not end in the time that a stop leaves them.
      result = .success(())
    } catch {
      result = .failure(error)
    }
    try? await threads.shutdownGracefully()
    try result.get()
  }
}

/// Says that the end has begun.
private struct StopNotice: Service {
  let tell: @Sendable () -> Void

  /// Returns without a word when all is cancelled: then the end was no stop.
  func run() async {
    do { try await gracefulShutdown() } catch { return }
    tell()
  }
}
