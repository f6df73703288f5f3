import NIOPosix
import UnixSignals
public import VarveFormat

/// Repositories of many below one directory, over HTTP: docs/server.md.
///
/// It keeps bytes under names, and has no key of any repository.
public final class StorageServer: Sendable {
  public struct Options: Sendable {
    /// nil when anybody may come.
    public var tokens: TokenFile?
    /// What may be done without a token, when there are none.
    public var anonymousKind = AccessKind.append
    /// nil for no encryption.
    public var certificates: ServerCertificates?
    public var quotas = QuotaLimits()
    /// Bytes.
    public var largestObject = (1 << 30) + (64 << 20)
    /// At one time; more wait to be accepted.
    public var connections = 512
    /// At one time; more wait.
    public var uploads = 64
    /// A second, of one token, or of one address where there are no tokens.
    public var requestRate: Double = 1_000
    /// A second, of one address.
    public var failureRate: Double = 10
    public var pace = PaceLimits()
    /// For what is under way when the server is asked to stop.
    public var stopSeconds: Int64 = 60
    /// Seconds between looks at the file of tokens.
    public var refreshSeconds: Double = 2
    /// Signals that end it; for a server that is not the whole process, none.
    public var followsSignals = true
    /// Where its tasks run; nil for the threads that all tasks of the process share, which nothing else must block.
    package var executor: (any TaskExecutor)?
    /// Told of what went wrong in running, such as a file of tokens that cannot be read any more.
    public var warn: @Sendable (VarveError) -> Void = { _ in }
    /// Seconds since 1970-01-01T00:00:00Z, for tokens that expire.
    public var clock: @Sendable () -> Int64

    public init(clock: @escaping @Sendable () -> Int64) { self.clock = clock }
  }

  private static let threadCount = 16

  private let options: Options
  private let places: RepositoryPlaces
  private let tokens: TokenBook?
  private let host: HTTPHost

  /// Reads the tokens, and counts what repositories have that have a quota.
  ///
  /// - Throws: `VarveError.Code.io`, `damaged` for a file of tokens that is none.
  public init(directory: String, options: Options) throws {
    self.options = options
    host = HTTPHost(
      HTTPHost.Options(
        certificates: options.certificates, pace: options.pace, connections: options.connections,
        stopSeconds: options.stopSeconds, followsSignals: options.followsSignals,
        executor: options.executor, threads: Self.threadCount))
    tokens = try options.tokens.map { try TokenBook($0) }
    places = try RepositoryPlaces(root: directory, limits: options.quotas)
  }

  /// Serves until it is asked to stop; requests under way are finished. Blocks its thread.
  ///
  /// - Parameter started: called with the address and port once connections are accepted.
  /// - Throws: `VarveError.Code.io` when it cannot listen there.
  public func run(
    host: String, port: Int, started: @escaping @Sendable (_ host: String, _ port: Int) -> Void
  ) throws {
    try self.host.run(
      host: host, port: port, responder: { self.responder($0) },
      beside: { await self.watchFiles($0) }, started: started)
  }

  /// Asks a running server to stop; `run` returns when it has.
  public func stop() { host.stop() }

  /// Reads certificates and tokens again; what cannot be read stays as it was.
  public func reload() {
    do { try options.certificates?.reload() } catch { warn(error) }
    do { try tokens?.refresh(always: true) } catch { warn(error) }
  }

  private func warn(_ error: any Error) {
    options.warn(
      error as? VarveError ?? VarveError(.io, "the server cannot read its files", cause: error))
  }

  func responder(_ threads: NIOThreadPool) -> StorageResponder {
    StorageResponder(
      places: places, tokens: tokens, anonymousKind: options.anonymousKind,
      largestObject: options.largestObject,
      tokenRate: RateLimit(
        perSecond: options.requestRate, burst: 2 * options.requestRate),
      failureRate: RateLimit(perSecond: options.failureRate, burst: 5 * options.failureRate),
      slots: TransferSlots(count: options.uploads), threads: threads, now: options.clock)
  }

  /// Looks at the file of tokens now and then, and at everything when SIGHUP says so.
  func watchFiles(_ threads: NIOThreadPool) async {
    await withDiscardingTaskGroup { group in
      group.addTask {
        while !Task.isCancelled {
          try? await Task.sleep(for: .seconds(self.options.refreshSeconds))
          do { try await threads.runIfActive { try self.tokens?.refresh() } } catch {
            if !Task.isCancelled { self.warn(error) }
          }
        }
      }
      guard options.followsSignals else { return }
      group.addTask {
        for await _ in await UnixSignalsSequence(trapping: .sighup) {
          try? await threads.runIfActive { self.reload() }
        }
      }
    }
  }
}
