import Testing
import Varve
import VarveFormat
import VarveRepository
import VarveTestSupport

/// A policy that looks at a part of its source, as a profile's run has it look.
@Suite struct FilteredPolicyTests {
  private let bench: ForgetBench

  init() throws { bench = try ForgetBench(days: 0) }

  private func backUp(_ profile: String, day: Int) throws -> Digest {
    try #require(
      try bench.bench.backUp {
        $0.time = ForgetBench.time(day: day)
        $0.host = Array("host".utf8)
        $0.meta = ["profile": profile, "source": "data"]
      }.snapshot)
  }

  private func request(_ profile: String, spared: Set<Digest> = []) -> ForgetRequest {
    ForgetRequest(
      .policiesOfFiltered,
      filter: SnapshotFilter(meta: ["profile": profile, "source": "data"]), spared: spared)
  }

  @Test func whatOthersHaveSavedNeitherCountsNorGoes() throws {
    try bench.setPolicy { $0[.last] = .limited(1) }
    let own = try (0..<2).map { try backUp("own", day: $0) }
    let others = try (2..<4).map { try backUp("other", day: $0) }
    let plan = try Forget(bench.repository).run(request("own"))
    #expect(plan.groups.map(\.key.paths) == [[Array("/data".utf8)]])
    #expect(plan.removed.map(\.id) == [own[0]])
    #expect(bench.repository.liveSnapshots == [own[1]] + others)
    #expect(try bench.reasons() == ["policy in force"])
    #expect(try Forget(bench.repository).run(request("nobody")).groups.isEmpty)
  }

  /// Days end at other times for who has recorded another zone; what the policy keeps of the whole source is kept then, too.
  @Test func whatThePolicyKeepsOfAllIsKept() throws {
    try bench.setPolicy { $0[.daily] = .limited(3) }
    func backUp(_ profile: String, _ seconds: Int64, offset: Int32 = 0) throws -> Digest {
      try #require(
        try bench.bench.backUp {
          $0.time = Timestamp(seconds: 1_700_006_400 + seconds, nanoseconds: 0, offset: offset)
          $0.host = Array("host".utf8)
          $0.meta = ["profile": profile, "source": "data"]
        }.snapshot)
    }
    // Of the same day but for one between them, for whom it is another.
    let before = try backUp("own", -7200)
    let first = try backUp("own", 3600)
    _ = try backUp("other", 7200, offset: -10_800)
    let last = try backUp("own", 10_800)
    let plan = try Forget(bench.repository).run(request("own"))
    #expect(plan.removed.isEmpty, "\(plan.removed.map(\.policyReasons))")
    #expect(
      bench.repository.liveSnapshots.filter { [before, first, last].contains($0) }.count == 3)
  }

  @Test func whatHasJustBeenMadeStays() throws {
    try bench.setPolicy { $0[.last] = .limited(1) }
    // By a clock that was wrong.
    let newest = try backUp("own", day: 9)
    let made = try backUp("own", day: 1)
    #expect(try Forget(bench.repository).plan(request("own")).removed.map(\.id) == [made])
    let plan = try Forget(bench.repository).run(request("own", spared: [made]))
    #expect(plan.removed.isEmpty)
    #expect(
      plan.groups[0].kept.map { $0.reasons.map(\.text) } == [["last snapshot"], ["just made"]])
    #expect(bench.repository.liveSnapshots == [newest, made])
  }

  @Test func aPolicyThatKeepsNothingOfThemIsRefused() throws {
    let tag = try bench.repository.keys.opaqueIDs().tag("none has it")
    try bench.setPolicy { $0.tags = [tag] }
    _ = try backUp("own", day: 0)
    let made = try backUp("own", day: 1)
    #expect(throws: VarveError(.refused, "")) {
      try Forget(bench.repository).run(request("own", spared: [made]))
    }
    #expect(bench.repository.liveSnapshots.count == 2)
  }
}
