import Glibc
import Testing
import VarveTestThreads

/// Each system call that touches the workspace fails in turn, in each way that it can fail: the command succeeds or
/// says clearly that it did not, and nothing that was acknowledged is lost (docs/reliability.md).
@Suite(.enabled(if: Tracer.isSupported, Tracer.unsupported), .serialized, .onOwnThreads)
struct SystemCallFaultTests {
  /// Names as Tests/FaultTracer/main.c has them; with + it lasts.
  static let faults = [
    "EIO", "EIO+", "ENOSPC", "ENOSPC+", "EROFS+", "EINTR", "EMFILE", "EMFILE+", "ENOMEM", "after",
    "after+", "short", "short+", "lost",
  ]

  @Test(arguments: FaultScenario.chosen)
  func everyCallFailsInEveryWay(scenario: FaultScenario) throws {
    let bench = try FaultBench(scenario)
    var trials = 0
    var failures = 0
    for fault in Self.faults where Tools.soak || isChosen(fault, scenario) {
      try bench.reset()
      let whole = try bench.run(.fault(fault, at: Interference.never))
      try #require(whole.outcome.code == 0, "\(whole.outcome.errors)")
      guard whole.total > 0 else { continue }
      for number in FaultBench.sample(1, of: whole.total) {
        try bench.reset()
        let traced = try bench.run(.fault(fault, at: number))
        guard let struck = traced.struck else { continue }
        trials += 1
        failures += traced.outcome.code == 0 ? 0 : 1
        let trial = "\(scenario): \(fault) \(number) at \(struck.call) \(struck.path)"
        try judge(traced, trial, bench)
      }
    }
    print("faults: \(scenario): \(trials) trials, \(failures) ended in an error")
  }

  /// Making a repository stretches passwords, which takes most of a second a trial.
  private func isChosen(_ fault: String, _ scenario: FaultScenario) -> Bool {
    scenario.effect != .initializes || ["EIO", "after"].contains(fault)
  }

  private func judge(_ traced: Traced, _ trial: String, _ bench: FaultBench) throws {
    let code = traced.outcome.code
    let said = traced.outcome.errors
    #expect(traced.signal == nil, "\(trial): signal \(traced.signal ?? 0)\n\(said)")
    #expect([0, 1, 3, 20].contains(code), "\(trial): exit \(code)\n\(said)")
    let isSaid = said.contains("varve: ") || said.contains("\"message_type\":\"")
    #expect(code == 0 || isSaid, "\(trial): exit \(code) without a word")
    if code == 3 { #expect(bench.scenario.effect == .saves, "\(trial): exit 3\n\(said)") }
    if bench.scenario.effect == .checks, let struck = traced.struck, isUnreadable(struck) {
      #expect(code != 0 || !trial.contains(": EIO"), "\(trial): nothing was found")
    }
    if code == 0, bench.scenario.effect == .restores {
      try bench.expectTargetRestored(after: trial)
    }
    try bench.expectIntact(after: trial, traced)
  }

  /// Whether an object that every check reads could not be read.
  private func isUnreadable(_ struck: (call: String, path: String)) -> Bool {
    ["packs", "snapshots", "log/commits"].contains { struck.path.contains("/repository/\($0)/") }
      && struck.call == "pread64"
  }
}
