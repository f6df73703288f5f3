import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository

/// Retention of snapshots whose claimed times cannot be right.
@Suite struct BelievedTimesTests {
  private static func witness() throws -> WitnessSigner {
    try WitnessSigner(
      name: "witness.example", seed: SecretBytes(copying: [UInt8](repeating: 7, count: 32)))
  }

  private func trust() throws -> TimeTrust {
    let text = "witness w \(try Self.witness().key.text)\nquorum w\n"
    return TimeTrust(policy: try WitnessPolicy(Array(text.utf8), "policy"))
  }

  private func cosign(_ bench: ForgetBench, at time: Timestamp) throws {
    let log = bench.repository.log
    let note = try log.signedCheckpoint()
    let line = try Self.witness().cosign(note.text, at: time.seconds)
    let text = String(decoding: note.adding([line]).bytes, as: UTF8.self)
    try log.append { _ in [.cosign(.init(checkpoint: text))] }
  }

  private func daily(_ count: Int64) -> ForgetRequest {
    var rules = RetentionRules()
    rules[.daily] = .limited(count)
    return ForgetRequest(.rules(rules, .source))
  }

  private func hours(_ hours: Int64, day: Int) -> Timestamp {
    Timestamp(seconds: ForgetBench.time(day: day).seconds + hours * 3600)
  }

  /// Who dates snapshots into the future takes no place of those that are of the past.
  @Test func datesOfTheFutureTakeNoPlaces() throws {
    var bench = try ForgetBench(days: 5)
    let today = Int((WallClock.now().seconds - ForgetBench.time(day: 0).seconds) / 86_400)
    for day in 2...4 { try bench.add(day: today + day) }
    let plan = try Forget(bench.repository).run(daily(3))
    #expect(plan.groups[0].kept.map(\.id) == bench.snapshots[3...].reversed())
    #expect(plan.groups[0].kept[0].reasons.map(\.text) == ["daily snapshot"])
    #expect(
      plan.groups[0].kept[4].reasons.map(\.text) == ["daily snapshot (time not as claimed)"])
  }

  /// A snapshot dated back into a day of which there was one already does not push that one out.
  @Test func backDatedSnapshotsPushNoneOut() throws {
    var bench = try ForgetBench(days: 4)
    try cosign(bench, at: hours(1, day: 3))
    let forged = try bench.backUp(at: hours(1, day: 1))
    let byClaims = try Forget(bench.repository).plan(daily(10))
    #expect(byClaims.removed.map(\.id) == [bench.snapshots[1]])
    let plan = try Forget(bench.repository, trust: trust()).plan(daily(10))
    #expect(plan.removed.isEmpty)
    let kept = Dictionary(
      uniqueKeysWithValues: plan.groups[0].kept.map { ($0.id, $0.reasons.map(\.text)) })
    #expect(kept[bench.snapshots[1]] == ["daily snapshot (time not as claimed)"])
    #expect(kept[forged] == ["daily snapshot"])
  }

  /// The policy in force is obeyed by both times, too.
  @Test func policiesGoByBothTimes() throws {
    var bench = try ForgetBench(days: 4)
    try bench.setPolicy { $0[.daily] = .limited(10) }
    try cosign(bench, at: hours(1, day: 3))
    _ = try bench.backUp(at: hours(1, day: 1))
    let choice = ForgetRequest(.snapshots([bench.snapshots[1]]))
    #expect(throws: VarveError(.refused, "")) {
      try Forget(bench.repository, trust: trust()).run(choice)
    }
    #expect(try Forget(bench.repository).run(choice).removed.count == 1)
  }

  /// What an owner puts in the place of a snapshot is as old as that was, whatever stands in the log by then.
  @Test func anOwnersChangesOfTagsMakeNothingYounger() throws {
    let bench = try ForgetBench(days: 4)
    try cosign(bench, at: hours(1, day: 3))
    let changed = try TagChange(.edit(add: ["x"], remove: [])).run(
      on: [bench.snapshots[0], bench.snapshots[1]], in: bench.repository)
    #expect(!changed.isEmpty)
    var rules = RetentionRules()
    rules[.withinDaily] = try #require(RetentionDuration("1d12h"))
    let request = ForgetRequest(.rules(rules, .source))
    let plan = try Forget(bench.repository, trust: trust()).plan(request)
    #expect(plan.groups[0].kept.map(\.id) == [bench.snapshots[3], bench.snapshots[2]])
  }

  /// Within the tolerance of clocks a claim stands.
  @Test func clocksNeedNotBeRightToTheSecond() throws {
    var bench = try ForgetBench(days: 2)
    let midnight = hours(0, day: 3).seconds / 86_400 * 86_400
    _ = try bench.backUp(at: Timestamp(seconds: midnight - 20))
    try cosign(bench, at: Timestamp(seconds: midnight + 20))
    let late = try bench.backUp(at: Timestamp(seconds: midnight - 10))
    let plan = try Forget(bench.repository, trust: trust()).plan(daily(1))
    #expect(plan.groups[0].kept.map(\.id) == [late])
  }
}

extension ForgetBench {
  fileprivate mutating func backUp(at time: Timestamp) throws -> Digest {
    try #require(
      try bench.backUp {
        $0.time = time
        $0.host = Array("host".utf8)
      }.snapshot)
  }
}
