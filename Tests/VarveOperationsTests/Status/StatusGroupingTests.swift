import Testing
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

/// One repository without a configuration, where records cannot be opened.
@Suite struct StatusGroupingTests {
  private let hour = StatusBench.hour

  private func report(_ facts: RepositoryFacts, maximumAge: Int64? = 24 * 3600) -> StatusReport {
    StatusReport(
      of: facts, RepositorySettings(name: "repository", location: "/repo"),
      maximumAge: maximumAge, now: StatusBench.now)
  }

  @Test func eachIdOfTheLogIsJudged() throws {
    var random = SeededGenerator(seed: 7)
    let (one, two) = (random.digest(), random.digest())
    var facts = RepositoryFacts(.read, read: StatusBench.now)
    func add(_ source: Digest?, ago: Int64, isPartial: Bool = false) {
      let entry = UInt64(facts.loggedSnapshots?.count ?? 0) + 1
      facts.loggedSnapshots =
        (facts.loggedSnapshots ?? []) + [
          RepositoryFacts.LoggedSnapshot(
            id: random.digest(), entry: entry, source: source, taken: StatusBench.ago(ago),
            isPartial: isPartial)
        ]
    }
    facts.loggedSnapshots = []
    #expect(report(facts).sources.map(\.state) == ["never"])
    add(one, ago: 50 * hour)
    add(one, ago: 2 * hour)
    add(two, ago: 30 * hour)
    add(two, ago: hour, isPartial: true)
    let sources = report(facts).sources
    #expect(sources.allSatisfy { $0.evidence == .log })
    let first = try #require(sources.first { $0.source == "id \(one.hex.prefix(16))" })
    #expect(first.state == "ok" && first.snapshotCount == 2)
    let second = try #require(sources.first { $0.source == "id \(two.hex.prefix(16))" })
    #expect(second.state == "stale" && second.snapshotCount == 1)
    #expect(!report(facts).isGood && report(facts, maximumAge: nil).isGood)
    add(nil, ago: 90 * hour)
    #expect(report(facts).sources.map(\.state).sorted() == ["ok", "stale", "stale"])
  }

  @Test func whatCannotBeReadHasNoSources() {
    let facts = RepositoryFacts(VarveError(.unavailable, "away"), read: StatusBench.now)
    #expect(report(facts).sources.isEmpty && !report(facts).isGood)
  }
}
