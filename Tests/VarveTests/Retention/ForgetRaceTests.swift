import Testing
import Varve
import VarveFormat
import VarveRepository

/// What happens between reading the log and appending to it. Each test lets another client append while this one
/// still has the older state, so that its first attempt loses.
@Suite struct ForgetRaceTests {
  @Test func aSnapshotThatAppearedIsCounted() throws {
    var bench = try ForgetBench(days: 3)
    let stale = try bench.opened()
    try bench.add(day: 3)
    #expect(stale.liveSnapshots.count == 3)
    let plan = try Forget(stale).run(ForgetRequest(bench.rules(last: 1)))
    #expect(plan.groups[0].kept.map(\.id) == [bench.snapshots[3]])
    #expect(stale.liveSnapshots == [bench.snapshots[3]])
  }

  @Test func twoForgetsForgetEachOnce() throws {
    let bench = try ForgetBench(days: 4)
    let stale = try bench.opened()
    let all = Array(bench.snapshots[..<3])
    _ = try Forget(bench.repository).run(ForgetRequest(.snapshots(Array(all[..<2]))))
    let plan = try Forget(stale).run(ForgetRequest(.snapshots(all)))
    #expect(plan.removed.map(\.id) == [all[2]])
    #expect(plan.absent == Array(all[..<2]))
    #expect(stale.liveSnapshots == [bench.snapshots[3]])
    let again = try Forget(stale).run(ForgetRequest(bench.rules(last: 1)))
    #expect(again.removed.isEmpty)
  }

  /// Each keeps one of two; together they must not forget both.
  @Test func whatAnotherForgotIsNotCountedAsKept() throws {
    let bench = try ForgetBench(days: 2)
    let stale = try bench.opened()
    _ = try Forget(bench.repository).run(ForgetRequest(.snapshots([bench.snapshots[1]])))
    #expect(try Forget(stale).run(ForgetRequest(bench.rules(last: 1))).removed.isEmpty)
    #expect(stale.liveSnapshots == [bench.snapshots[0]])
  }

  @Test func aHoldThatAppearedIsObeyed() throws {
    let bench = try ForgetBench(days: 3)
    let stale = try bench.opened()
    let held = bench.snapshots[0]
    _ = try HoldChange(bench.repository).add(to: [held], term: .permanent, reason: "test")
    #expect(throws: VarveError(.refused, "")) {
      try Forget(stale).run(ForgetRequest(.snapshots([held])))
    }
    let other = try bench.opened(by: .owner)
    _ = try HoldChange(bench.repository).add(
      to: [bench.snapshots[1]], term: .released, reason: "test")
    let plan = try Forget(other).run(ForgetRequest(bench.rules(last: 1)))
    #expect(plan.removed.isEmpty)
    #expect(other.liveSnapshots.count == 3)
  }

  @Test func aPolicyThatAppearedIsObeyed() throws {
    let bench = try ForgetBench(days: 3)
    let stale = try bench.opened()
    try bench.setPolicy { $0[.last] = .limited(3) }
    #expect(throws: VarveError(.refused, "")) {
      try Forget(stale).run(ForgetRequest(bench.rules(last: 1)))
    }
    #expect(stale.liveSnapshots.count == 3)
  }
}
