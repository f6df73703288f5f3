import Testing
import Varve
import VarveFormat
import VarveRepository

/// Rules that keep no complete snapshot of a group are refused, whatever else stays of it.
@Suite struct KeptNothingTests {
  private static let none = RetentionRules(tagLists: [["none has it"]])

  private func expectRefused(
    _ request: ForgetRequest, _ bench: ForgetBench, _ location: SourceLocation = #_sourceLocation
  ) throws {
    let live = bench.repository.liveSnapshots
    #expect(throws: VarveError(.refused, ""), sourceLocation: location) {
      try Forget(bench.repository).run(request)
    }
    #expect(bench.repository.liveSnapshots == live, sourceLocation: location)
  }

  private func setPolicyThatKeepsNothing(_ bench: ForgetBench) throws {
    let tag = try bench.repository.keys.opaqueIDs().tag("none has it")
    try bench.setPolicy { $0.tags = [tag] }
  }

  private let choices: [ForgetRequest] = [
    ForgetRequest(.rules(KeptNothingTests.none, .source)), ForgetRequest(.policies),
    ForgetRequest(.policiesOfFiltered),
  ]

  @Test func anUnfinishedBackupStandsInForNothing() throws {
    let bench = try ForgetBench(days: 4)
    let partial = try bench.addRecord { $0.time = ForgetBench.time(day: 9) }
    try setPolicyThatKeepsNothing(bench)
    for request in choices { try expectRefused(request, bench) }
    #expect(bench.repository.liveSnapshots.contains(partial))
  }

  @Test func aHoldStandsInForNothing() throws {
    let bench = try ForgetBench(days: 4)
    _ = try HoldChange(bench.repository).add(
      to: [bench.snapshots[1]], term: .released, reason: "test")
    try setPolicyThatKeepsNothing(bench)
    for request in choices { try expectRefused(request, bench) }
  }

  /// Nothing would go.
  @Test func whereAllIsHeldNothingIsRefused() throws {
    let bench = try ForgetBench(days: 2)
    _ = try HoldChange(bench.repository).add(
      to: bench.snapshots, term: .released, reason: "test")
    try setPolicyThatKeepsNothing(bench)
    for request in choices {
      #expect(try Forget(bench.repository).run(request).removed.isEmpty)
    }
  }

  /// A group of nothing but a partial snapshot that a complete one has followed.
  @Test func partialSnapshotsMayAllGo() throws {
    let bench = try ForgetBench(days: 3)
    let partial = try bench.addRecord {
      $0.time = ForgetBench.time(day: 1)
      $0.tags = ["only"]
    }
    var rules = RetentionRules()
    rules[.last] = .limited(1)
    let byTags = SnapshotGrouping(host: false, paths: false, tags: true)
    let plan = try Forget(bench.repository).plan(ForgetRequest(.rules(rules, byTags)))
    #expect(Set(plan.removed.map(\.id)) == Set([partial] + bench.snapshots[..<2]))
    let filtered = ForgetRequest(
      .rules(rules, .source), filter: SnapshotFilter(tagLists: [["only"]]))
    #expect(try Forget(bench.repository).run(filtered).removed.map(\.id) == [partial])
  }
}
