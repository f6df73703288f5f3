import Testing
import Varve
import VarveFormat
import VarveRepository

/// Who may change policies and holds, and how.
@Suite struct RetentionAccessTests {
  private func policy(daily: Int64) -> RetentionPolicy {
    var policy = RetentionPolicy()
    policy[.daily] = .limited(daily)
    return policy
  }

  @Test func onlyAnOwnerForgets() throws {
    let bench = try ForgetBench(days: 2)
    for role in [Role.writer, .reader] {
      let repository = try bench.opened(by: role)
      #expect(throws: VarveError(.forbidden, "")) {
        try Forget(repository).run(ForgetRequest(.snapshots([bench.snapshots[0]])))
      }
    }
    let reader = try bench.opened(by: .reader)
    let plan = try Forget(reader).plan(ForgetRequest(bench.rules(last: 1)))
    #expect(plan.removed.map(\.id) == [bench.snapshots[0]])
    #expect(reader.liveSnapshots.count == 2)
  }

  @Test func aWriterTightensAndAnOwnerLoosens() throws {
    let bench = try ForgetBench(days: 1)
    let writer = try bench.opened(by: .writer)
    let change = try PolicyChange(writer)
    let refused = #expect(throws: VarveError.self) { try change.set(policy(daily: 7), for: nil) }
    #expect(refused?.code == .forbidden && refused?.message.contains("first policy") == true)
    #expect(throws: VarveError(.forbidden, "")) {
      try change.set(policy(daily: 7), for: bench.source())
    }
    #expect(try PolicyChange(bench.repository).set(policy(daily: 7), for: nil) != nil)
    try writer.log.refresh()
    #expect(try change.set(policy(daily: 9), for: nil) != nil)
    #expect(try change.set(policy(daily: 9), for: bench.source()) != nil)
    #expect(throws: VarveError(.forbidden, "")) { try change.set(policy(daily: 8), for: nil) }
    #expect(throws: VarveError(.forbidden, "")) { try change.remove(from: nil) }
    let owner = try PolicyChange(bench.repository)
    #expect(try owner.set(policy(daily: 8), for: nil) != nil)
    #expect(try owner.remove(from: bench.source()) != nil)
    #expect(throws: VarveError(.notFound, "")) { try owner.remove(from: bench.source()) }
    #expect(bench.repository.log.state.defaultPolicy?.keep == policy(daily: 8))
    #expect(bench.repository.log.state.policies.isEmpty)
    let reader = try bench.opened(by: .reader)
    #expect(throws: VarveError(.forbidden, "")) {
      try PolicyChange(reader).set(policy(daily: 99), for: nil)
    }
  }

  /// A writer's state is older than an owner's change: what was tighter then may be looser now.
  @Test func aTighteningThatIsNoneAnyMoreIsRefused() throws {
    let bench = try ForgetBench(days: 1)
    try bench.setPolicy { $0[.daily] = .limited(5) }
    let stale = try bench.opened(by: .writer)
    try bench.setPolicy { $0[.daily] = .limited(10) }
    #expect(throws: VarveError(.forbidden, "")) {
      try PolicyChange(stale).set(policy(daily: 7), for: nil)
    }
  }

  @Test func aPolicyKeepsSomethingAndSingleTags() throws {
    let change = try PolicyChange(ForgetBench(days: 0).repository)
    #expect(throws: VarveError(.usage, "")) { try change.policy(RetentionRules()) }
    for list in [["a", "b"], [""], []] {
      #expect(throws: VarveError(.usage, "")) {
        try change.policy(RetentionRules(tagLists: [list]))
      }
    }
  }

  @Test func holdsGrowAndOnlyAnOwnerReleases() throws {
    let bench = try ForgetBench(days: 2)
    let writer = HoldChange(try bench.opened(by: .writer))
    let owner = HoldChange(bench.repository)
    let id = bench.snapshots[0]
    let later = Timestamp(seconds: WallClock.now().seconds + 1000)
    #expect(try writer.add(to: [id], term: .until(later), reason: "") == [id])
    #expect(
      try owner.add(to: [id], term: .until(Timestamp(seconds: later.seconds - 9)), reason: "")
        == [],
      "held longer already")
    #expect(throws: VarveError(.forbidden, "")) { try writer.remove(from: [id], reason: "") }
    #expect(throws: VarveError(.notFound, "")) {
      try owner.remove(from: bench.snapshots, reason: "")
    }
    try owner.remove(from: [id], reason: "")
    #expect(throws: VarveError(.notFound, "")) { try owner.remove(from: [id], reason: "") }
    #expect(try owner.add(to: bench.snapshots, term: .permanent, reason: "").count == 2)
    #expect(throws: VarveError(.refused, "")) { try owner.remove(from: [id], reason: "") }
    #expect(throws: VarveError(.usage, "")) {
      try owner.add(to: [id], term: .until(Timestamp(seconds: 1)), reason: "")
    }
    #expect(throws: VarveError(.notFound, "")) {
      try owner.add(to: [.zero], term: .permanent, reason: "")
    }
    #expect(throws: VarveError(.forbidden, "")) {
      try HoldChange(bench.opened(by: .reader)).add(to: [id], term: .permanent, reason: "")
    }
  }
}
