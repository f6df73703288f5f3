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
}
