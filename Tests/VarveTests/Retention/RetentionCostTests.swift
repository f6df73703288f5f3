import Testing
import Varve
import VarveFormat
import VarveRepository
import VarveTestSupport

/// What rules cost, beside what `stats --mode raw-data` says of sets of snapshots: the bytes that only some
/// snapshots need are those of all less those of the others.
@Suite struct RetentionCostTests {
  private struct Measured {
    let repository: IndexedRepository

    func size(_ snapshots: Set<Digest>) throws -> UInt64 {
      let index = repository.index
      let statistics = Statistics(.rawData, from: try repository.makeReader()) { index.locate($0) }
      for id in snapshots.sorted() {
        try statistics.add(try repository.unlocked.snapshotRecord(id))
      }
      return statistics.report.size
    }
  }

  /// Files come, change and go, some of them in directories that many snapshots share, one of them large.
  private func history(seed: UInt64, days: Int) throws -> ForgetBench {
    var bench = try ForgetBench(days: 0)
    var random = SeededGenerator(seed: seed)
    for day in 0..<days {
      for _ in 0..<Int.random(in: 0...3, using: &random) {
        let name = "file-\(Int.random(in: 0..<6, using: &random))"
        let count = Int.random(in: 0...60_000, using: &random)
        try bench.bench.write(
          name, (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) })
      }
      if day % 4 == 0 {
        try bench.bench.write(
          "large", (0..<400_000).map { _ in UInt8.random(in: 0...255, using: &random) })
      }
      bench.bench.settle()
      try bench.add(day: day, tags: Bool.random(using: &random) ? ["x"] : [])
    }
    return bench
  }

  private func compare(_ request: ForgetRequest, _ bench: ForgetBench) throws {
    let repository = try IndexedRepository(bench.repository)
    let measured = Measured(repository: repository)
    let plan = try Forget(bench.repository).plan(request)
    let cost = try RetentionSimulation(request, in: repository, interval: 86_400).cost
    let live = Set(bench.repository.liveSnapshots)
    let kept = live.subtracting(plan.removed.map(\.id))
    #expect(cost.total == (try measured.size(live)))
    #expect(cost.freed == cost.total - (try measured.size(kept)))
    #expect(cost.forgottenSnapshots == plan.removed.count)
    func same(_ a: RetentionReason, _ b: RetentionReason) -> Bool {
      if case .rule(let one, _) = a, case .rule(let other, _) = b { one == other } else { a == b }
    }
    for row in cost.rows {
      let all = plan.groups.flatMap(\.kept)
      let mine = all.filter { $0.reasons.contains { same($0, row.reason) } }
      let alone = mine.filter { $0.reasons.allSatisfy { same($0, row.reason) } }
      #expect(row.snapshots == mine.count)
      let total = try measured.size(kept)
      #expect(row.bytes == total - (try measured.size(kept.subtracting(mine.map(\.id)))))
      #expect(row.savedWithout == total - (try measured.size(kept.subtracting(alone.map(\.id)))))
    }
    #expect(!cost.rows.isEmpty)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func asSetsOfSnapshotsAreLarge(seed: UInt64) throws {
    let bench = try history(seed: seed, days: 18)
    var rules = RetentionRules(tagLists: seed == 1 ? [["x"]] : [])
    rules[.last] = .limited(2)
    rules[.daily] = .limited(5)
    rules[.weekly] = .limited(2)
    rules[.within] = RetentionDuration(days: 3)
    _ = try HoldChange(bench.repository).add(
      to: [bench.snapshots[1]], term: .released, reason: "test")
    try compare(ForgetRequest(.rules(rules, .source)), bench)
    // Snapshots that the filter leaves out need what they need all the same.
    try compare(
      ForgetRequest(.rules(rules, .source), filter: SnapshotFilter(tagLists: [["x"]])), bench)
    try compare(ForgetRequest(.policies), bench)
  }

  /// What an interrupted backup has of a file that it was reading is needed by nothing else.
  @Test func unfinishedFilesCost() throws {
    var bench = try ForgetBench(days: 0)
    try bench.bench.write("long", noise(900_000))
    let first = try bench.add(day: 0)
    guard case .file(let file) = try bench.bench.entry(first, "data/long").content,
      case .lists(let lists) = file.form
    else { throw VarveError(.notFound, "no lists") }
    try bench.bench.write("long", noise(1000, seed: 2))
    bench.bench.settle()
    let second = try bench.add(day: 1)
    let tree = try bench.repository.snapshotRecord(second).tree
    _ = try bench.addRecord {
      $0.tree = tree
      $0.unfinished = lists.map(\.id)
      $0.time = ForgetBench.time(day: 2)
    }
    let cost = try RetentionSimulation(
      ForgetRequest(bench.rules(last: 1)), in: IndexedRepository(bench.repository),
      interval: 86_400
    ).cost
    // The first snapshot goes, and what the unfinished one needs of it stays.
    #expect(cost.forgottenSnapshots == 1 && cost.freed < 100_000)
  }
}
