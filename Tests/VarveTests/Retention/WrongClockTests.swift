import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// A repository whose clients' clocks are off: what contradicts the order of the log pushes nothing out.
@Suite struct WrongClockTests {
  typealias Rules = @Sendable (inout RetentionPolicy) -> Void

  /// Each keeps the newest three of what is made once a day.
  private static let three: [Rules] = [
    { $0[.last] = .limited(3) },
    { $0[.daily] = .limited(3) },
    { $0[.within] = RetentionDuration(days: 2, hours: 12) },
  ]

  private let bench: ForgetBench

  init() throws { bench = try ForgetBench(days: 0) }

  /// A backup by a client whose clock says that it is noon, so many days from today.
  private func backUp(_ day: Int64, seconds: Int64 = 0, taken: Timestamp? = nil) throws -> Digest {
    try bench.clock(day, seconds: seconds) {
      try #require(
        try bench.bench.backUp {
          $0.time = taken ?? WallClock.now()
          $0.host = Array("host".utf8)
        }.snapshot)
    }
  }

  private func backUp(_ days: ClosedRange<Int64>) throws -> [Digest] {
    try days.map { try backUp($0) }
  }

  /// Forgets by the policy, and requires that an audit finds nothing wrong with it.
  private func forget(_ rules: Rules) throws -> Set<Digest> {
    try bench.setPolicy(rules)
    _ = try Forget(bench.repository).run(ForgetRequest(.policies))
    try bench.expectObedience()
    return Set(bench.repository.liveSnapshots)
  }

  @Test(arguments: three.indices) func clocksAheadPushNothingOut(_ rules: Int) throws {
    let before = try backUp(-9...(-5))
    let ahead = try backUp(1500...1502)
    let after = try backUp(-4...(-3))
    let live = try forget(Self.three[rules])
    #expect(live == Set(before.suffix(1) + ahead + after))
  }

  /// Ahead once, and of the past by now.
  @Test(arguments: three.indices) func clocksThatWereAheadPushNothingOut(_ rules: Int) throws {
    let before = try backUp(-90...(-85))
    let ahead = try backUp(-20...(-18))
    let after = try backUp(-84...(-83))
    let live = try forget(Self.three[rules])
    #expect(live.isSuperset(of: before.suffix(1) + ahead + after))
    #expect(live.isDisjoint(with: before.prefix(2)))
  }

  /// Its snapshot is the newest, whatever its clock said.
  @Test(arguments: three.indices) func aClockBehindLosesNothing(_ rules: Int) throws {
    let before = try backUp(-9...(-2))
    let behind = try backUp(-19_000)
    let live = try forget(Self.three[rules])
    #expect(live.isSuperset(of: before.suffix(2) + [behind]))
    #expect(live.isDisjoint(with: before.dropFirst().prefix(4)))
    // It goes as any other when there are others.
    let after = try (0..<3).map { try backUp(-1, seconds: $0 * 3600) }
    #expect(try forget { $0[.last] = .limited(3) } == Set(after))
  }

  /// Dated by a clock into a day of which there was a snapshot already.
  @Test func aClockBehindPushesNothingOut() throws {
    let right = try backUp(-6...(-2))
    let behind = try backUp(-4, seconds: 600)
    let live = try forget { $0[.daily] = .limited(3) }
    #expect(live.isSuperset(of: right.suffix(3) + [behind]))
  }

  /// Neither makes the other one harmful.
  @Test(arguments: three.indices) func someAheadAndOneBehind(_ rules: Int) throws {
    _ = try backUp(-9...(-7))
    let ahead = try backUp(1500...1506)
    let right = try backUp(-6...(-2))
    let behind = try backUp(-19_000)
    let live = try forget(Self.three[rules])
    #expect(live.isSuperset(of: ahead.suffix(3) + right.suffix(2) + [behind]))
    #expect(live.isDisjoint(with: right.prefix(1)))
  }

  @Test func aLogThatBeginsInTheFuture() throws {
    let ahead = try backUp(1500...1502)
    let right = try backUp(-5...(-1))
    let live = try forget { $0[.last] = .limited(2) }
    #expect(live == Set(ahead.suffix(2) + right.suffix(2)))
  }

  /// They are as old as they say, wherever in the log they stand, with wrong clocks beside them or not.
  @Test(arguments: [false, true]) func whatIsCopiedIsOld(_ isAnyAhead: Bool) throws {
    let right = try backUp(-5...(-1))
    let ahead = isAnyAhead ? [try backUp(1500)] : []
    for day in Int64(28)...30 {
      let taken = Timestamp(seconds: WallClock.now().seconds - day * 86_400)
      _ = try backUp(-1, seconds: 3600, taken: taken)
    }
    let live = try forget { $0[.last] = .limited(2) }
    #expect(live == Set(right.suffix(2) + ahead))
  }

  @Test func ofOneSecondTheLaterInTheLogIsNewer() throws {
    let ahead = try backUp(1500)
    let second = Timestamp(seconds: WallClock.now().seconds - 3 * 86_400)
    let made = try (0..<3).map { _ in try backUp(-1, taken: second) }
    let live = try forget { $0[.last] = .limited(1) }
    #expect(live == [ahead, made[2]])
  }

  /// The clock of whoever forgets is behind.
  @Test(arguments: three.indices) func aClockBehindForgetsNoMore(_ rules: Int) throws {
    _ = try backUp(-9...(-7))
    let ahead = try backUp(1500...1502)
    let right = try backUp(-6...(-2))
    try bench.setPolicy(Self.three[rules])
    _ = try bench.clock(-400) { try Forget(bench.repository).run(ForgetRequest(.policies)) }
    let live = Set(bench.repository.liveSnapshots)
    #expect(live.isSuperset(of: ahead + right.suffix(3)))
  }

  /// What is partial stays until there is a complete one that was made later, and not only says so.
  @Test func clocksAheadEndNoBackup() throws {
    _ = try backUp(1500)
    let partial = try bench.clock(-3) {
      try bench.addRecord { $0.time = WallClock.now() }
    }
    var plan = try Forget(bench.repository).plan(ForgetRequest(bench.rules(last: 5)))
    #expect(plan.removed.isEmpty)
    let kept = plan.groups[0].kept.first { $0.id == partial }
    #expect(kept?.reasons == [.unfinished])
    _ = try bench.clock(-2) {
      try bench.addRecord(isPartial: false) { $0.time = WallClock.now() }
    }
    plan = try Forget(bench.repository).plan(ForgetRequest(bench.rules(last: 5)))
    #expect(plan.removed.map(\.id) == [partial])
  }

  /// A change of tags makes what was dated into the future no younger than its first entry.
  @Test func aChangeOfTagsIsNoNewSnapshot() throws {
    let dated = try backUp(-9, taken: Timestamp(seconds: WallClock.now().seconds + 900 * 86_400))
    let right = try backUp(-5...(-1))
    #expect(try TagChange(.set(["x"])).run(on: [dated], in: bench.repository).count == 1)
    #expect(try forget { $0[.last] = .limited(2) }.isSuperset(of: right.suffix(2)))
  }
}

extension ForgetBench {
  /// As if this machine's clock said that it was noon, so many days from today, or later.
  func clock<Result>(
    _ day: Int64, seconds: Int64 = 0, _ body: () throws -> Result
  ) throws -> Result {
    let now = WallClock.now().seconds
    let shift = day * 86_400 + 43_200 - now % 86_400 + seconds
    return try ClockShift.$current.withValue(ClockShift(date: shift)) { try body() }
  }

  /// Whatever an audit finds, no snapshot went that a policy kept.
  func expectObedience(_ location: SourceLocation = #_sourceLocation) throws {
    let report = try Audit.run(storage: bench.storage, options: AuditOptions())
    let found = report.findings.filter { $0.kind == .retention }
    #expect(found.isEmpty, "\(found)", sourceLocation: location)
  }

  /// Another snapshot like the oldest one that is live.
  func addRecord(
    isPartial: Bool = true, _ change: (inout SnapshotRecord) throws -> Void
  ) throws -> Digest {
    let first = try #require(repository.liveSnapshots.first)
    var record = try repository.snapshotRecord(first)
    record.isPartial = isPartial
    try change(&record)
    let bytes = try repository.seal(record)
    let id = SHA256.digest(bytes)
    try repository.storage.put(ObjectName.snapshot(id), bytes)
    let ids = try repository.keys.opaqueIDs()
    try repository.log.append { _ in
      [
        .snapshot(
          try LogStatement.SnapshotAddition(
            snapshot: id, record: record, additions: .listed([]), parent: nil, original: nil,
            ids: ids))
      ]
    }
    return id
  }
}
