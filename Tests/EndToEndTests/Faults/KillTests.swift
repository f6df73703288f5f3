import Glibc
import Testing
import VarveTestThreads

/// `kill -9` at the entry of each system call that touches the repository, the client's state and cache, or
/// the source (docs/reliability.md).
@Suite(.enabled(if: Tracer.isSupported, Tracer.unsupported), .serialized, .onOwnThreads)
struct KillTests {
  static let scenarios = FaultScenario.chosen.filter { $0.effect != .restores }

  @Test(arguments: scenarios)
  func aCommandKilledAtAnyCallLosesNothing(scenario: FaultScenario) throws {
    let bench = try FaultBench(scenario)
    let whole = try bench.run(.kill(at: Interference.never))
    try #require(whole.outcome.code == 0, "\(whole.outcome.errors)")
    var killed = 0
    for number in FaultBench.sample(scenario.effect == .initializes ? 3 : 8, of: whole.total) {
      try bench.reset()
      let traced = try bench.run(.kill(at: number))
      // Threads take their turns differently from run to run, so a run may have fewer calls.
      guard let struck = traced.struck else { continue }
      killed += 1
      #expect(traced.signal == SIGKILL)
      try bench.expectIntact(
        after: "\(scenario) killed at call \(number), \(struck.call) \(struck.path)", traced)
    }
    #expect(killed > 0)
    print("kill: \(scenario): \(killed) of \(whole.total) calls")
  }
}
