import VarveFormat
import VarveRepository

/// Runs the hooks of a profile.
public struct HookRun {
  enum Event: String {
    case before, after, success, failure
    case beforeRestore = "before-restore"
    case afterRestore = "after-restore"
  }

  private let profile: Profile
  private let surroundings: RunSurroundings

  public init(_ profile: Profile, _ surroundings: RunSurroundings) {
    self.profile = profile
    self.surroundings = surroundings
  }

  /// What every command of the profile sees.
  var environment: [String: String] { ["VARVE_PROFILE": profile.name] }

  /// Runs them in order, up to the first that fails.
  ///
  /// - Throws: `.io` when one fails, with what it said; `.interrupted`.
  func run(_ commands: [CommandSpecification], _ event: Event) throws {
    for (number, command) in commands.enumerated() {
      let outcome = try CommandRun.run(
        command, environment: environment.merging(["VARVE_EVENT": event.rawValue]) { $1 },
        cancellation: surroundings.cancellation)
      tell(outcome, event, number, commands.count)
      if let failure = outcome.failure {
        throw VarveError(
          .io, "\(Self.name(event, number, commands.count)): \(failure)",
          hint:
            "nothing was \(event == .before ? "saved" : "restored"); run the command by hand, as the same user"
        )
      }
    }
  }

  /// Runs all of them, also when one fails or the run was interrupted.
  ///
  /// - Returns: what went wrong.
  func runAll(
    _ commands: [CommandSpecification], _ event: Event, result: RunRecord.Result,
    environment more: [String: String] = [:]
  ) -> [String] {
    let own = ["VARVE_EVENT": event.rawValue, "VARVE_RESULT": result.rawValue]
    let environment = environment.merging(own) { $1 }.merging(more) { $1 }
    return commands.enumerated().compactMap { number, command in
      do {
        let outcome = try CommandRun.run(command, environment: environment, cancellation: nil)
        tell(outcome, event, number, commands.count)
        return outcome.failure.map { "\(Self.name(event, number, commands.count)): \($0)" }
      } catch {
        return "\(error)"
      }
    }
  }

  /// Runs the hooks around a restore over live files: those after it whatever happened since the first before it. Meanwhile
  /// nobody on this host runs the profile, whose hooks stop and start the same things, or restores it.
  ///
  /// - Returns: what `restore` gives, and what went wrong after it.
  /// - Throws: `.refused` when another process runs or restores the profile, and `.io` when a hook before it fails: nothing was
  ///   restored; what `restore` throws.
  public func aroundRestore<Value>(
    isGood: (Value) -> Bool, _ restore: () throws -> Value
  ) throws -> (value: Value, failures: [String]) {
    let lock = try RunLock(surroundings.client, profile: profile.name, for: .restore)
    defer { _ = lock }
    let result = Result {
      try run(profile.hooks.beforeRestore, .beforeRestore)
      return try restore()
    }
    let isDone = (try? result.get()).map(isGood) ?? false
    let failures = runAll(
      profile.hooks.afterRestore, .afterRestore, result: isDone ? .success : .failure)
    do { return (try result.get(), failures) } catch {
      for failure in failures { surroundings.warn("\(profile.name): \(failure)") }
      throw error
    }
  }

  /// A hook's words are for whoever watches; of one that fails the record has the last of them.
  private func tell(_ outcome: CommandOutcome, _ event: Event, _ number: Int, _ count: Int) {
    for bytes in [outcome.output, outcome.errors] {
      for line in bytes.split(separator: 0x0a).prefix(100) {
        surroundings.note(
          "\(Self.name(event, number, count)): \(ByteText.printable(Array(line)))")
      }
    }
  }

  private static func name(_ event: Event, _ number: Int, _ count: Int) -> String {
    let isOutcome = event == .success || event == .failure
    let name = isOutcome ? "on-\(event.rawValue)" : event.rawValue
    return count == 1 ? "hook '\(name)'" : "hook '\(name)' \(number + 1)"
  }
}
