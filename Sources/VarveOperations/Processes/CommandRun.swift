public import VarveRepository

/// Runs commands of an operator's file to their end.
public enum CommandRun {
  /// Runs a command, and waits for it.
  ///
  /// What it reads and writes goes through pipes. It inherits the environment without what unlocks repositories. When its
  /// time is over, SIGTERM goes to its process group, and SIGKILL after 10 seconds. Programs that a command leaves behind
  /// after it has ended by itself go on, but nobody reads what they write.
  ///
  /// - Parameters:
  ///   - environment: beside what the command itself has; this one wins.
  ///   - input: for its standard input.
  ///   - outputLimit: how much is kept of what it prints; the rest is read and dropped.
  ///   - cancellation: ends the command when it is raised.
  /// - Throws: `.interrupted` only. A command that fails, or that cannot be started, has an outcome, too.
  public static func run(
    _ command: CommandSpecification, environment: [String: String] = [:], input: [UInt8] = [],
    outputLimit: Int = 1 << 16, cancellation: CancellationFlag? = nil
  ) throws -> CommandOutcome {
    try cancellation?.check()
    let process: CommandProcess
    do {
      process = try CommandProcess(
        command, environment: environment, input: input, outputLimit: outputLimit)
    } catch let error as CommandProcess.NotStarted {
      return CommandOutcome(ending: .notStarted(error.reason))
    }
    let outcome = process.supervise(timeout: command.timeout) { cancellation?.isCancelled == true }
    // What was raised while the command ended by itself is for the caller to find.
    if !outcome.isSuccess && outcome.ending != .timedOut { try cancellation?.check() }
    return outcome
  }
}
