import Glibc
import Testing
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestThreads

/// What was done by people who may do it: was it what the rules allow?
@Suite(.onOwnThreads) struct AuditJudgementTests {
  typealias Bench = HistoryBench

  private let here: Workspace
  private let bench: Bench

  init() throws {
    here = try Workspace()
    bench = try Bench(at: here.repository, state: here.root + "/maker")
    here.environment["VARVE_PASSWORD_FILE"] = nil
  }

  /// A snapshot a day, from day `first` on, numbered as the days.
  private func daily(_ days: ClosedRange<Int64>, tags: [UInt64] = [], source: UInt64 = 1) throws {
    for day in days {
      try bench.commit(
        by: bench.owner, at: bench.hours(24 * day),
        Bench.snapshot(
          UInt64(day) + 1000 * (source - 1), taken: bench.hours(24 * day), source: source,
          tags: tags))
    }
  }

  private func audit(day: Int64, policy: String? = nil, from: Int64? = nil) throws -> Outcome {
    var arguments = [
      "audit", "--json", "--key", bench.config.logKey, "--to", bench.hours(24 * day).utcSeconds,
    ]
    if let from { arguments += ["--from", bench.hours(24 * from).utcSeconds] }
    if let policy {
      try here.write(policy, to: here.root + "/policy")
      arguments += ["--policy", here.root + "/policy"]
    }
    return try here.varve(arguments)
  }

  private func expect(
    _ kinds: [String], _ outcome: Outcome, saying words: String...,
    location: SourceLocation = #_sourceLocation
  ) throws {
    let broken = try outcome.document()["broken"].list
    #expect(broken.map { $0["kind"].string } == kinds, "\(outcome.text)", sourceLocation: location)
    #expect(outcome.code == (kinds.isEmpty ? 0 : 22), sourceLocation: location)
    for word in words {
      #expect(
        broken.contains { $0["message"].string?.contains(word) ?? false },
        "no \"\(word)\": \(outcome.text)",
        sourceLocation: location)
    }
  }

  @Test func forgetAsThePolicySays() throws {
    try bench.commit(by: bench.owner, at: bench.hours(0), Bench.policy([.daily: 3]))
    try daily(1...6)
    try bench.commit(by: bench.owner, at: bench.hours(24 * 6 + 1), Bench.forget(1, 2, 3))
    try expect([], try audit(day: 7))
    let at = try bench.commit(by: bench.owner, at: bench.hours(24 * 6 + 2), Bench.forget(4))
    try expect(
      ["retention"], try audit(day: 7), saying: "entry \(at)", "daily snapshot", "policy of entry 2"
    )
    // Before the period that is judged.
    try daily(7...7)
    try expect([], try audit(day: 8, from: 7))
  }

  @Test func thePolicyIsTheOneThatWasInForce() throws {
    try daily(1...4)
    // None yet: an owner may do as he likes.
    try bench.commit(by: bench.owner, at: bench.hours(24 * 4 + 1), Bench.forget(1))
    try bench.commit(by: bench.owner, at: bench.hours(24 * 4 + 2), Bench.policy([.last: 3]))
    try bench.commit(
      by: bench.owner, at: bench.hours(24 * 4 + 3),
      .policy(.init(source: nil, keep: nil)))
    try bench.commit(by: bench.owner, at: bench.hours(24 * 4 + 4), Bench.forget(2))
    try expect([], try audit(day: 5))
    // Loosened in the very commit that forgets: the one before was in force.
    try bench.commit(by: bench.owner, at: bench.hours(24 * 5), Bench.policy([.last: 2]))
    try bench.commit(
      by: bench.owner, at: bench.hours(24 * 5 + 1), Bench.policy([.last: 1]), Bench.forget(3))
    try expect(["retention"], try audit(day: 6), saying: "last snapshot")
  }

  @Test func eachSourceHasItsOwn() throws {
    try bench.commit(by: bench.owner, at: bench.hours(0), Bench.policy([.last: 1]))
    try bench.commit(by: bench.owner, at: bench.hours(0), Bench.policy([.last: 3], source: 2))
    try daily(1...3)
    try daily(4...6, source: 2)
    try bench.commit(by: bench.owner, at: bench.hours(24 * 6 + 1), Bench.forget(1, 2))
    try expect([], try audit(day: 7))
    try bench.commit(by: bench.owner, at: bench.hours(24 * 6 + 2), Bench.forget(1004))
    try expect(["retention"], try audit(day: 7))
  }

  @Test func tagsAndDurationsKeep() throws {
    try bench.commit(
      by: bench.owner, at: bench.hours(0),
      Bench.policy(within: [.within: RetentionDuration(days: 2)], tags: [4]))
    try daily(1...1, tags: [4])
    try daily(2...6, tags: [5])
    try bench.commit(by: bench.owner, at: bench.hours(24 * 6 + 1), Bench.forget(2, 3, 4))
    try expect([], try audit(day: 7))
    try bench.commit(by: bench.owner, at: bench.hours(24 * 6 + 2), Bench.forget(1))
    try bench.commit(by: bench.owner, at: bench.hours(24 * 6 + 3), Bench.forget(5))
    try expect(["retention", "retention"], try audit(day: 7), saying: "has tags", "within 2d")
  }

  /// The calendar is that of the record: 00:10 and 02:10 UTC are of one day, and of two where it is 22:10 and 00:10.
  @Test(arguments: [(Int32(0), true), (-7200, false)]) func daysAreOfTheRecordsZone(
    offset: Int32, mayGo: Bool
  ) throws {
    try bench.commit(by: bench.owner, at: bench.hours(0), Bench.policy([.daily: 2]))
    let midnight = 86_400 * (bench.start.seconds / 86_400 + 3)
    for (number, seconds) in [(UInt64(1), Int64(600)), (2, 7800)] {
      let taken = Timestamp(seconds: midnight + seconds, offset: offset)
      try bench.commit(by: bench.owner, at: taken, Bench.snapshot(number, taken: taken))
    }
    // An older one, so that the first is not the oldest of all.
    try bench.commit(
      by: bench.owner, at: Timestamp(seconds: midnight + 8000),
      Bench.snapshot(3, taken: Timestamp(seconds: midnight - 86_400, offset: offset)))
    try bench.commit(by: bench.owner, at: Timestamp(seconds: midnight + 9000), Bench.forget(1))
    try expect(mayGo ? [] : ["retention"], try audit(day: 6))
  }

  /// Programs before this one forgot what clocks that were ahead pushed out. That one of them was ahead is a broken link; that
  /// they did as they were made to do is none.
  @Test func whatWrongClocksPushedOutIsNoted() throws {
    try bench.commit(by: bench.owner, at: bench.hours(0), Bench.policy([.last: 2]))
    try daily(1...2)
    try daily(60...61)
    try daily(3...5)
    let at = try bench.commit(by: bench.owner, at: bench.hours(24 * 5 + 1), Bench.forget(3))
    try expect(["time"], try audit(day: 70), saying: "stands behind")
    try bench.commit(by: bench.owner, at: bench.hours(24 * 5 + 2), Bench.forget(5))
    let outcome = try audit(day: 70)
    try expect(["time"], outcome)
    let noted = try outcome.document()["notices"].list.filter {
      $0["kind"].string == "retention"
    }
    #expect(noted.map { $0["entry"].number } == [Int(at) + 1], "\(outcome.text)")
    #expect(noted.first?["message"].string?.contains("last snapshot") ?? false)
    // What the clocks that were ahead have made is kept by their claims.
    try bench.commit(by: bench.owner, at: bench.hours(24 * 5 + 3), Bench.forget(61))
    try expect(["time", "retention"], try audit(day: 70))
  }

  @Test func replacementIsNoLoss() throws {
    try bench.commit(by: bench.owner, at: bench.hours(0), Bench.policy([.last: 5]))
    try daily(1...3)
    // Other tags: the same tree, source and time.
    try bench.commit(
      by: bench.owner, at: bench.hours(24 * 30),
      Bench.snapshot(20, taken: bench.hours(48), tree: 2, tags: [6]), Bench.forget(2))
    let json = try audit(day: 31).document()
    #expect(json["holds"].bool == true, "\(json)")
    #expect(json["snapshots"]["replaced"].number == 1)
    // Another tree, another source, or in a commit of its own.
    try bench.commit(
      by: bench.owner, at: bench.hours(24 * 30),
      Bench.snapshot(30, taken: bench.hours(72), tree: 31), Bench.forget(3))
    try bench.commit(
      by: bench.owner, at: bench.hours(24 * 30 + 1),
      Bench.snapshot(10, taken: bench.hours(24), source: 3, tree: 1))
    try bench.commit(by: bench.owner, at: bench.hours(24 * 30 + 2), Bench.forget(1))
    try expect(
      ["retention", "time", "retention"], try audit(day: 31),
      saying: "takes its place with another tree")
  }

  @Test func partialSnapshotsGoFreely() throws {
    try bench.commit(by: bench.owner, at: bench.hours(0), Bench.policy([.last: 5]))
    try bench.commit(
      by: bench.owner, at: bench.hours(1), Bench.snapshot(1, taken: bench.hours(1), partial: true))
    try bench.commit(
      by: bench.owner, at: bench.hours(2), Bench.snapshot(2, taken: bench.hours(1)), Bench.forget(1)
    )
    try expect([], try audit(day: 1))
  }

  @Test func undoBringsBackWhatCounts() throws {
    try bench.commit(by: bench.owner, at: bench.hours(0), Bench.policy([.last: 2]))
    try daily(1...3)
    try bench.commit(by: bench.owner, at: bench.hours(24 * 3 + 1), Bench.forget(1))
    try bench.commit(
      by: bench.owner, at: bench.hours(24 * 3 + 2), .undo(.init(snapshots: [Bench.id(1)])))
    try bench.commit(by: bench.owner, at: bench.hours(24 * 3 + 3), Bench.forget(1))
    let json = try audit(day: 4).document()
    #expect(json["snapshots"]["restored"].number == 1)
    #expect(json["snapshots"]["forgotten"].number == 2)
    #expect(json["snapshots"]["live"].number == 2)
    #expect(json["holds"].bool == true)
  }

  @Test func whatIsLiveIsNotSwept() throws {
    try bench.commit(
      by: bench.owner, at: bench.hours(0), Bench.snapshot(1, taken: bench.hours(0), packs: [1, 2]))
    // In an inventory, where the log's own rules do not look.
    let objects = (10..<60).map { Bench.pack($0) } + [Bench.record(1)]
    let list = try ObjectList(storing: objects, in: LocalStorage(path: here.repository))
    let at = try bench.commit(by: bench.owner, at: bench.hours(1), .condemn(.init(objects: list)))
    let sweep = try bench.commit(
      by: bench.owner, at: bench.hours(2), .sweep(.init(condemned: [at])))
    try expect(
      ["deletion", "deletion"], try audit(day: 1), saying: "condemns the record", "entry \(at)",
      "entry \(sweep)")
    try bench.remove(ObjectName.inventory(try #require(list.inventory)))
    try expect(["object", "object"], try audit(day: 1), saying: "cannot be known")
  }

  @Test func nothingReliesOnWhatIsCondemned() throws {
    try bench.commit(
      by: bench.owner, at: bench.hours(0), Bench.snapshot(1, taken: bench.hours(0), packs: [1]))
    try bench.commit(
      by: bench.owner, at: bench.hours(1),
      .condemn(.init(objects: .listed([Bench.pack(5), Bench.pack(6)]))))
    let at = try bench.commit(
      by: bench.owner, at: bench.hours(2), Bench.snapshot(2, taken: bench.hours(2), packs: [5]))
    try expect(["deletion"], try audit(day: 1), saying: "entry \(at)", "condemned before")
    // Rescinded before it was relied on.
    let other = try Bench(at: here.root + "/other", state: here.root + "/other-state")
    let condemn = try other.commit(
      by: other.owner, at: other.hours(1), .condemn(.init(objects: .listed([Bench.pack(5)]))))
    try other.commit(
      by: other.owner, at: other.hours(2), .undo(.init(snapshots: [], condemned: [condemn])))
    try other.commit(
      by: other.owner, at: other.hours(3), Bench.snapshot(2, taken: other.hours(3), packs: [5]))
    let outcome = try here.varve("audit", "-r", other.path, "--to", other.hours(24).utcSeconds)
    #expect(outcome.code == 0, "\(outcome.text)\(outcome.errors)")
  }

  @Test func graceOfASweep() throws {
    let at = try bench.commit(
      by: bench.owner, at: bench.hours(1), .condemn(.init(objects: .listed([Bench.pack(5)]))))
    try bench.commit(by: bench.owner, at: bench.hours(20), .sweep(.init(condemned: [at])))
    try expect([], try audit(day: 1, policy: "grace 19h\n"))
    try expect(["deletion"], try audit(day: 1, policy: "grace 20h\n"), saying: "sooner than 20h")
  }

  @Test func gaps() throws {
    try daily(1...2)
    try daily(2...2, source: 2)
    try daily(3...3)
    try daily(6...8)
    let source = Bench.source(1).hex
    try expect([], try audit(day: 9))
    // The one source has none for three days, the other none since.
    try expect(
      ["gap", "gap"], try audit(day: 9, policy: "gap 26h\n"), saying: "source \(source.prefix(8))")
    try expect(["gap"], try audit(day: 9, policy: "# of one\ngap 26h \(source.prefix(12))\n"))
    try expect(
      [],
      try audit(
        day: 9, policy: "gap 26h\ngap 3d \(source.prefix(8))\ngap none \(Bench.source(2).hex)\n"))
    try expect([], try audit(day: 9, policy: "gap 26h \(source)\n", from: 7))
    // At the end of the period, too.
    try expect(
      ["gap"], try audit(day: 11, policy: "gap 26h \(source)\n", from: 7), saying: "to the end")
  }

  /// A change of tags is no backup.
  @Test func recordsThatTakeAnothersPlaceFillNoGap() throws {
    try daily(1...1)
    try bench.commit(
      by: bench.owner, at: bench.hours(48), Bench.snapshot(20, taken: bench.hours(24), tree: 1),
      Bench.forget(1))
    try expect(["gap"], try audit(day: 3, policy: "gap 26h\n"))
  }

  @Test func checksAndReceipts() throws {
    try daily(1...1)
    try bench.commit(by: bench.owner, at: bench.hours(24 * 2), Bench.check(at: bench.hours(48)))
    try bench.commit(
      by: bench.owner, at: bench.hours(24 * 5), Bench.check("read-data 1/7", at: bench.hours(120)))
    try bench.commit(
      by: bench.owner, at: bench.hours(24 * 6),
      Bench.check("read-data", damaged: true, at: bench.hours(144)))
    try expect([], try audit(day: 7, policy: "check 4d\ncheck 5d read-data\n"))
    try expect(
      ["check"], try audit(day: 7, policy: "check 2d\n", from: 2), saying: "no check without damage"
    )
    try expect(["check"], try audit(day: 7, policy: "check 3d read-data\n"), saying: "read-data")
    try expect(["receipt"], try audit(day: 7, policy: "receipt 2d restore\n"), saying: "restore")
    try bench.commit(by: bench.owner, at: bench.hours(24 * 7), receipt(.incomplete))
    try expect(["receipt"], try audit(day: 9, policy: "receipt 2d restore\n", from: 6))
    try bench.commit(by: bench.owner, at: bench.hours(24 * 7), receipt(.ok))
    try expect([], try audit(day: 9, policy: "receipt 2d restore\n", from: 6))
  }

  private func receipt(_ result: LogStatement.Receipt.Result) -> LogStatement.Body {
    .receipt(
      .init(
        activity: .restore, result: result, started: bench.hours(24 * 7), counts: [:],
        scope: "test",
        snapshots: []))
  }

  /// Both are claims; they count by those whose role can do it.
  @Test func whoCannotDoItSaysNothing() throws {
    let writer = try bench.add(.writer, at: bench.hours(0))
    let reader = try bench.add(.reader, number: 2, at: bench.hours(0))
    let policy = "check 2d\nreceipt 2d restore\ndrill 1h\n"
    let start = LogStatement.Body.receipt(
      .init(
        activity: .drillStart, result: .ok, started: bench.hours(48), counts: [:], scope: "test",
        snapshots: []))
    try bench.commit(
      by: writer, at: bench.hours(48), Bench.check("read-data", at: bench.hours(48)),
      receipt(.ok), start)
    let outcome = try audit(day: 4, policy: policy)
    try expect(["check", "receipt"], outcome)
    #expect(try outcome.document()["checks"]["all"].number == 0)
    let notices = try outcome.document()["notices"].list.compactMap { $0["message"].string }
    for activity in ["check", "restore", "drill-start"] {
      #expect(
        notices.contains { $0.contains("1 entry says \"\(activity)\"") }, "\(notices)")
    }
    try bench.commit(
      by: reader, at: bench.hours(48), Bench.check("read-data", at: bench.hours(48)),
      receipt(.ok))
    try expect([], try audit(day: 4, policy: policy))
    // Whoever finds damage is heard.
    try bench.commit(
      by: writer, at: bench.hours(72), Bench.check(damaged: true, at: bench.hours(72)))
    #expect(try audit(day: 4, policy: policy).document()["checks"]["damaged"].number == 1)
  }

  /// By a tag that the policy names a snapshot stays; without it the next forget takes it.
  @Test func aTagOfThePolicyIsNotTakenAway() throws {
    try bench.commit(by: bench.owner, at: bench.hours(0), Bench.policy([.last: 1], tags: [4]))
    try daily(1...1, tags: [4, 5])
    try daily(2...2)
    try bench.commit(
      by: bench.owner, at: bench.hours(72),
      Bench.snapshot(20, taken: bench.hours(24), tree: 1, tags: [4]), Bench.forget(1))
    try expect([], try audit(day: 4))
    let at = try bench.commit(
      by: bench.owner, at: bench.hours(73),
      Bench.snapshot(21, taken: bench.hours(24), tree: 1, tags: [5]), Bench.forget(20))
    try bench.commit(by: bench.owner, at: bench.hours(74), Bench.forget(21))
    try expect(
      ["retention"], try audit(day: 4), saying: "entry \(at + 1) takes the tags",
      "policy of entry 2")
  }

  @Test func badPolicies() throws {
    for line in [
      "gap", "gap 3x", "gap 0h", "gap 1d xyz", "gap 1d 1234", "check", "receipt 1d", "delay 1d 2d",
      "nonsense 1",
      "log a\nlog b", "grace soon",
    ] {
      try here.write("# fine\n\n\(line)\n", to: here.root + "/bad")
      try here.fail(64, "audit", "--policy", here.root + "/bad", saying: ["line", "hint"])
    }
    try here.write([0xff, 0xfe, 0x0a], to: here.root + "/bad")
    try here.fail(64, "audit", "--policy", here.root + "/bad")
  }
}
