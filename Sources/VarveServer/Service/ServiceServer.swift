import NIOPosix
import UnixSignals
public import VarveFormat
public import VarveOperations

/// The operator's service: health for watchers, an interface for programs, pages for people (docs/service.md); also, on the
/// same port, the storage API.
public final class ServiceServer: Sendable {
  public struct Options: Sendable {
    /// nil when anybody on this machine may come; then it must listen on loopback.
    public var tokens: TokenFile?
    /// nil for no encryption.
    public var certificates: ServerCertificates?
    /// Served below `/v1/`, with tokens of its own.
    public var storage: StorageServer?
    /// Seconds between looks at a repository.
    public var readSeconds: Double = 30
    /// At one time; more wait to be accepted.
    public var connections = 256
    /// A second, of one token.
    public var requestRate: Double = 100
    /// A second, of one address.
    public var failureRate: Double = 5
    /// At one time; of one token a quarter.
    public var downloads = 8
    /// For what is under way when the service is asked to stop.
    public var stopSeconds: Int64 = 30
    /// For jobs, from when they are told to end: hooks that put services back run by then.
    public var jobStopSeconds: Double = 60
    /// After which a repository that never answered counts as unreachable.
    public var firstAnswerSeconds: Double = 900
    /// Seconds between looks at the file of tokens.
    public var refreshSeconds: Double = 2
    /// Signals that end it; for a service that is not the whole process, none.
    public var followsSignals = true
    /// Where its tasks run; nil for the threads that all tasks of the process share, which nothing else must block.
    package var executor: (any TaskExecutor)?
    /// Told of what went wrong in running.
    public var warn: @Sendable (VarveError) -> Void = { _ in }
    /// Seconds since 1970-01-01T00:00:00Z, for tokens and sessions that end.
    public var clock: @Sendable () -> Int64

    public init(clock: @escaping @Sendable () -> Int64) { self.clock = clock }
  }

  private static let threadCount = 16

  private let options: Options
  private let tokens: TokenBook?
  private let board: StatusBoard
  private let jobs: JobBook
  private let actions: ServiceActions
  private let host: HTTPHost

  /// - Throws: `VarveError.Code.io`, `damaged` for a file of tokens that is none.
  public init(_ reader: StatusReader, actions: ServiceActions, options: Options) throws {
    self.options = options
    self.actions = actions
    tokens = try options.tokens.map { try TokenBook($0) }
    let warn = options.warn
    board = StatusBoard(
      reader, seconds: options.readSeconds, firstAnswerSeconds: options.firstAnswerSeconds,
      warn: warn)
    jobs = JobBook { record in
      do { try reader.record(record) } catch {
        warn(error as? VarveError ?? VarveError(.io, "the journal cannot be written", cause: error))
      }
    }
    host = HTTPHost(
      HTTPHost.Options(
        certificates: options.certificates, connections: options.connections,
        stopSeconds: options.stopSeconds, followsSignals: options.followsSignals,
        executor: options.executor, threads: Self.threadCount))
  }

  /// Serves until it is asked to stop; requests under way are finished, jobs are interrupted, and waited for. Blocks its
  /// thread.
  ///
  /// - Parameter started: called with the address and port once connections are accepted.
  /// - Throws: `VarveError.Code.io` when it cannot listen there; `usage` without tokens anywhere but on loopback.
  public func run(
    host: String, port: Int, started: @escaping @Sendable (_ host: String, _ port: Int) -> Void
  ) throws {
    guard tokens != nil || ListenHost.isLoopback(host) else {
      throw VarveError(
        .usage, "without tokens the service listens on loopback only, not at \(host)",
        hint: "name a file of tokens, and make one with 'varve server-token add --service'")
    }
    board.start()
    defer {
      board.stop()
      if !jobs.stop(within: options.jobStopSeconds) {
        warn(VarveError(.io, "a job goes on after \(Int(options.jobStopSeconds)) s, and is left"))
      }
    }
    // What pages read waits for a repository's store, which may have no answer for many minutes. The storage API, tokens
    // and certificates wait for nothing but files of this machine.
    let files = NIOThreadPool(numberOfThreads: options.storage == nil ? 1 : Self.threadCount)
    files.start()
    defer { try? files.syncShutdownGracefully() }
    try self.host.run(
      host: host, port: port, responder: { self.responder($0, files: files) },
      beside: { _ in await self.watch(files) }, stopping: { self.jobs.cancel() },
      started: started)
  }

  /// Asks a running service to stop; `run` returns when it has.
  public func stop() {
    jobs.cancel()
    host.stop()
  }

  private func responder(_ threads: NIOThreadPool, files: NIOThreadPool) -> ServiceResponder {
    ServiceResponder(
      storage: options.storage?.responder(files), board: board,
      access: ServiceAccess(
        tokens: tokens, isEncrypted: options.certificates != nil, now: options.clock),
      jobs: jobs, actions: actions,
      requestRate: RateLimit(perSecond: options.requestRate, burst: 2 * options.requestRate),
      failureRate: RateLimit(perSecond: options.failureRate, burst: 5 * options.failureRate),
      downloads: TransferSlots(count: options.downloads), threads: threads)
  }

  private func watch(_ files: NIOThreadPool) async {
    await withDiscardingTaskGroup { group in
      group.addTask {
        while !Task.isCancelled {
          try? await Task.sleep(for: .seconds(self.options.refreshSeconds))
          do { try await files.runIfActive { try self.tokens?.refresh() } } catch {
            if !Task.isCancelled { self.warn(error) }
          }
        }
      }
      if let storage = options.storage { group.addTask { await storage.watchFiles(files) } }
      guard options.followsSignals else { return }
      group.addTask {
        for await _ in await UnixSignalsSequence(trapping: .sighup) {
          try? await files.runIfActive {
            do { try self.options.certificates?.reload() } catch { self.warn(error) }
            do { try self.tokens?.refresh(always: true) } catch { self.warn(error) }
          }
          self.board.refresh()
        }
      }
    }
  }

  private func warn(_ error: any Error) {
    options.warn(
      error as? VarveError ?? VarveError(.io, "the service cannot read its files", cause: error))
  }
}
