package import Glibc
import Synchronization
import VarveFormat
import VarveRepository
import VarveStorage

/// A command that runs beside what we do: a service, or a source of data.
///
/// It is ended with its process group when this object goes.
public final class RunningCommand: Sendable {
  private final class Shared: Sendable {
    let isStopped = Atomic<Bool>(false)
    let isRead = Atomic<Bool>(false)
    let outcome = Mutex<CommandOutcome?>(nil)
    let condition = Condition()
  }

  private let shared = Shared()
  /// What it prints, when that is not captured.
  package let output: Int32
  /// Of the process, and of the group that it leads.
  package let identifier: pid_t

  /// Starts it. Its own time-out does not count: `stop` ends it.
  ///
  /// - Parameter environment: beside what the command itself has; this one wins.
  /// - Throws: `.io` when it cannot be started.
  public convenience init(_ command: CommandSpecification, environment: [String: String] = [:])
    throws
  {
    try self.init(command, environment: environment, handsOverOutput: false, timeout: nil)
  }

  /// - Parameters:
  ///   - handsOverOutput: `output` is where to read what it prints; the caller closes it.
  ///   - timeout: seconds after which it is ended, also when only what it has left behind still has its output; nil for never.
  package init(
    _ command: CommandSpecification, environment: [String: String], handsOverOutput: Bool,
    timeout: Double?
  ) throws {
    let process: CommandProcess
    do {
      process = try CommandProcess(
        command, environment: environment, input: [], outputLimit: 1 << 16)
    } catch let error as CommandProcess.NotStarted {
      throw VarveError(
        .io, "the command cannot be started: \(error.reason)",
        hint: "run it by hand, as the same user")
    }
    identifier = process.identifier
    output = handsOverOutput ? process.handOverOutput() : -1
    let shared = shared
    let supervise: @Sendable () -> Void = {
      let outcome = process.supervise(
        timeout: timeout, isStopped: { shared.isStopped.load(ordering: .relaxed) },
        isRead: { shared.isRead.load(ordering: .relaxed) })
      shared.condition.locked {
        shared.outcome.withLock { $0 = outcome }
        shared.condition.broadcast()
      }
    }
    guard WorkerThreads.start(supervise) else {
      shared.isStopped.store(true, ordering: .relaxed)
      supervise()
      throw VarveError(
        .io, "no thread is to be had for a command",
        hint: "raise the limit of processes (ulimit -u)")
    }
  }

  deinit { shared.isStopped.store(true, ordering: .relaxed) }

  public var isRunning: Bool { shared.outcome.withLock { $0 == nil } }

  /// Ends it, by SIGTERM to its process group and SIGKILL after 10 seconds, unless it has ended by itself.
  ///
  /// - Returns: how it ended.
  public func stop() -> CommandOutcome {
    shared.isStopped.store(true, ordering: .relaxed)
    return wait()
  }

  /// Waits until it ends by itself; nobody reads any more what it prints.
  package func wait() -> CommandOutcome {
    shared.isRead.store(true, ordering: .relaxed)
    return shared.condition.locked {
      while true {
        if let outcome = shared.outcome.withLock({ $0 }) { return outcome }
        shared.condition.wait()
      }
    }
  }
}
