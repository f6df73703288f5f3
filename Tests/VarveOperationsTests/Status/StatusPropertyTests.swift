import Testing
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

/// What holds whatever has happened.
@Suite struct StatusPropertyTests {
  private static let names = ["a", "b", "c"]

  private static func random(_ seed: UInt64) -> StatusBench {
    var random = SeededGenerator(seed: seed)
    var bench = StatusBench(
      sources: names,
      maximumAge: Bool.random(using: &random) ? .random(in: 1...400_000, using: &random) : nil)
    for _ in 0..<Int.random(in: 0...12, using: &random) {
      bench.snapshot(
        names.randomElement(using: &random)!, ago: .random(in: -100...500_000, using: &random),
        isPartial: Int.random(in: 0..<4, using: &random) == 0)
    }
    for _ in 0..<Int.random(in: 0...8, using: &random) {
      let result = RunRecord.Result.allCases.randomElement(using: &random)!
      var outcomes: [SourceOutcome] = []
      for name in names where result != .started && Int.random(in: 0..<3, using: &random) > 0 {
        let results: [RunRecord.Result] = [.success, .incomplete, .failure]
        outcomes.append(
          SourceOutcome(source: name, result: results.randomElement(using: &random)!))
      }
      bench.run(result, ago: .random(in: 0...500_000, using: &random), outcomes)
    }
    if Int.random(in: 0..<4, using: &random) == 0 { bench.facts["main"]?.snapshots = nil }
    return bench
  }

  @Test(arguments: 0..<400 as Range<UInt64>)
  func ageDecides(seed: UInt64) {
    let bench = Self.random(seed)
    for status in bench.report().sources where status.evidence == .snapshots {
      // By the definition, without the program's way to it.
      let times = (bench.facts["main"]?.snapshots ?? [])
        .filter { $0.source == status.source && !$0.heading.isPartial }.map(\.heading.time.seconds)
      let kinds = status.problems.map(\.kind)
      #expect(kinds.contains(.never) == times.isEmpty)
      let limit = bench.configuration.profiles["web"]?.maximumAge ?? .max
      let isStale = times.max().map { StatusBench.now.seconds - $0 > limit } ?? false
      #expect(kinds.contains(.stale) == isStale)
      #expect(status.snapshotCount == times.count)
    }
  }

  @Test(arguments: 0..<400 as Range<UInt64>)
  func timeAloneHealsNothing(seed: UInt64) {
    let bench = Self.random(seed)
    var before = bench.report()
    for hours in [1, 5, 30, 300] as [Int64] {
      let later = bench.report(at: StatusBench.ago(-hours * 3600))
      for (a, b) in zip(before.sources, later.sources) { #expect(a.level <= b.level) }
      for (a, b) in zip(before.repositories, later.repositories) { #expect(a.level <= b.level) }
      before = later
    }
  }

  @Test(arguments: 0..<400 as Range<UInt64>)
  func aRunThatSavesEverythingHealsEverySource(seed: UInt64) {
    var bench = Self.random(seed)
    for name in Self.names { bench.snapshot(name, ago: 0) }
    bench.run(.success, ago: 0, Self.names.map { SourceOutcome(source: $0, result: .success) })
    for status in bench.report().sources { #expect(status.problems.isEmpty, "\(status)") }
  }

  @Test(arguments: 0..<400 as Range<UInt64>)
  func theOrderOfSnapshotsDoesNotMatter(seed: UInt64) {
    let bench = Self.random(seed)
    var random = SeededGenerator(seed: seed &+ 1)
    var shuffled = bench
    shuffled.facts["main"]?.snapshots?.shuffle(using: &random)
    #expect(bench.report() == shuffled.report())
  }

  @Test(arguments: 0..<100 as Range<UInt64>)
  func metricsAndJSONSayTheSame(seed: UInt64) throws {
    let report = Self.random(seed).report()
    let metrics = MetricsText.text(report)
    for source in report.sources {
      let labels = "{profile=\"web\",source=\"\(source.source)\",repository=\"main\"}"
      let healthy = source.level < .bad ? 1 : 0
      #expect(metrics.contains("\nvarve_source_healthy\(labels) \(healthy)\n"))
    }
    #expect(metrics.contains("\nvarve_backups_healthy \(report.isGood ? 1 : 0)\n"))
    let json = try JSONValue(canonical: report.json.canonicalBytes(), "status")
    #expect(json == report.json)
  }
}
