import Testing
import Varve
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

/// Which snapshot of a source is its newest, whatever times they claim.
@Suite struct SourceHistoryTests {
  private let day: Int64 = 86_400

  @Test func aClaimCountsAsNoLaterThanItsEntry() throws {
    let bench = try OperationsBench()
    try bench.write("old", to: "data/file")
    let now = WallClock.now().seconds
    func backUp(_ claimed: Int64) throws -> Digest? {
      try bench.backUp("data", source: "data", at: Timestamp(seconds: claimed)).snapshot
    }
    func newest(notAfter limit: Int64? = nil, now: Timestamp? = nil) throws -> Digest {
      try SourceHistory(
        profile: bench.profile(["data"]), source: "data", in: bench.indexed.unlocked, now: now
      ).newest(notAfter: limit.map { Timestamp(seconds: $0) })
    }
    let yesterday = try backUp(now - day)
    let future = try backUp(now + 1_000 * day)
    #expect(try newest() == future, "the last that was made")
    #expect(try newest(notAfter: now - 3_600) == yesterday, "it was not there then")
    let last = try backUp(now + 5)
    #expect(try newest() == last)
    #expect(try newest(notAfter: now + 2_000 * day) == last)
    // Made of what is old, as an import is.
    let imported = try backUp(now - 3 * day)
    #expect(try newest() == last)
    #expect(try newest(notAfter: now - day) == yesterday)
    // Where even the entries are ahead of this machine's clock, their order counts.
    #expect(try newest(now: Timestamp(seconds: now - 50 * day)) == imported)
  }

  /// What is tagged gets a new record, the last of the log, of data that stays as old as it was.
  @Test func whatIsTaggedStaysAsOldAsItWas() throws {
    let bench = try OperationsBench()
    try bench.write("file", to: "data/file")
    let now = WallClock.now().seconds
    func backUp(daysAgo: Int64) throws -> Digest {
      let report = try bench.backUp(
        "data", source: "data", at: Timestamp(seconds: now - daysAgo * day))
      return try #require(report.snapshot)
    }
    let (old, middle, new) = (
      try backUp(daysAgo: 3), try backUp(daysAgo: 2), try backUp(daysAgo: 1)
    )
    let unlocked = bench.indexed.unlocked
    let tagged = try #require(
      try TagChange(.set(["kept"])).run(on: [old], in: unlocked).first?.new)
    #expect(unlocked.log.state.snapshotsInOrder.last?.id == tagged)
    let history = try SourceHistory(
      profile: bench.profile(["data"]), source: "data", in: unlocked)
    #expect(try history.newest() == new)
    #expect(try history.snapshot(named: "latest") == new)
    #expect(try history.snapshot(named: "latest~1") == middle)
    #expect(try history.snapshot(named: "latest~2") == tagged)
    #expect(throws: VarveError(.notFound, "")) { try history.snapshot(named: "latest~3") }
    #expect(try history.snapshot(named: String(middle.hex.prefix(12))) == middle)
  }
}
