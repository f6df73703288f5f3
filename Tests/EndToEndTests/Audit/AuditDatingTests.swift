import Testing
import VarveFormat
import VarveRepository
import VarveTestThreads

/// Snapshots that are dated as others are.
@Suite(.onOwnThreads) struct AuditDatingTests {
  typealias Bench = HistoryBench

  private let here: Workspace
  private let bench: Bench

  init() throws {
    here = try Workspace()
    bench = try Bench(at: here.repository, state: here.root + "/maker")
    here.environment["VARVE_PASSWORD_FILE"] = nil
    try bench.commit(by: bench.owner, at: bench.hours(0), Bench.policy([.daily: 3]))
  }

  private func add(_ number: UInt64, _ time: Timestamp, partial: Bool = false) throws {
    try bench.commit(
      by: bench.owner, at: time, Bench.snapshot(number, taken: time, partial: partial))
  }

  private func expect(
    _ kinds: [String], day: Int64, policy: String = "", saying words: String...,
    location: SourceLocation = #_sourceLocation
  ) throws {
    try here.write(policy, to: here.root + "/policy")
    let outcome = try here.varve(
      "audit", "--json", "--key", bench.config.logKey, "--to", bench.hours(24 * day).utcSeconds,
      "--policy", here.root + "/policy")
    let broken = try outcome.document()["broken"].list
    #expect(broken.map { $0["kind"].string } == kinds, "\(outcome.text)", sourceLocation: location)
    for word in words {
      #expect(
        broken.contains { $0["message"].string?.contains(word) ?? false }, "\(outcome.text)",
        sourceLocation: location)
    }
  }

  /// Who dates snapshots as there are some would push these out of the rules' places.
  @Test func oneBesideAnotherIsBackDated() throws {
    let writer = try bench.add(.writer, at: bench.hours(0))
    for day in Int64(1)...4 { try add(UInt64(day), bench.hours(24 * day)) }
    let at = try bench.commit(
      by: writer, at: bench.hours(24 * 30), Bench.snapshot(40, taken: bench.hours(48)))
    try expect(["time"], day: 31, saying: "entry \(at)", "back-dated")
    try expect([], day: 31, policy: "delay none\n")
    // Nor does it help to forget the very same one.
    try bench.commit(
      by: bench.owner, at: bench.hours(24 * 30 + 1),
      Bench.snapshot(41, taken: bench.hours(72)), Bench.forget(41))
    try expect(["time", "time"], day: 31)
  }

  @Test func eachSnapshotIsReplacedOnce() throws {
    for day in Int64(1)...3 { try add(UInt64(day), bench.hours(24 * day)) }
    let at = try bench.commit(
      by: bench.owner, at: bench.hours(24 * 30),
      Bench.snapshot(20, taken: bench.hours(24), tree: 1),
      Bench.snapshot(21, taken: bench.hours(24)), Bench.forget(1))
    try expect(["time"], day: 31, saying: "entry \(at + 1)")
  }

  /// The complete snapshot of a session is as old as the partial ones that it drops.
  @Test func aBackupThatTookLong() throws {
    try add(1, bench.hours(24), partial: true)
    try bench.commit(
      by: bench.owner, at: bench.hours(24 * 10), Bench.snapshot(2, taken: bench.hours(24)),
      Bench.forget(1))
    try expect([], day: 11, policy: "gap 26h\n")
    try bench.commit(
      by: bench.owner, at: bench.hours(24 * 11), Bench.snapshot(3, taken: bench.hours(24)))
    try expect(["time"], day: 12)
  }

  /// Entries have whole seconds; `forget` goes by the nanoseconds of records.
  @Test(arguments: [UInt64(2), 3]) func eitherOfOneSecondMayGo(_ first: UInt64) throws {
    try add(1, bench.hours(24))
    try add(2, bench.hours(48))
    try add(3, bench.hours(48))
    try add(4, bench.hours(72))
    try bench.commit(by: bench.owner, at: bench.hours(73), Bench.forget(first))
    try expect([], day: 4)
    try bench.commit(by: bench.owner, at: bench.hours(74), Bench.forget(5 - first))
    try expect(["retention"], day: 4)
  }

  @Test func bothOfOneSecondMayNot() throws {
    try add(1, bench.hours(24))
    try add(2, bench.hours(48))
    try add(3, bench.hours(48))
    try bench.commit(by: bench.owner, at: bench.hours(50), Bench.forget(2, 3))
    try expect(["retention"], day: 4)
  }

  /// The one that stays is the oldest of all, which rules keep, too.
  @Test(arguments: [UInt64(1), 2]) func eitherOfTheOldestSecondMayGo(_ gone: UInt64) throws {
    let midnight = 86_400 * (bench.start.seconds / 86_400 + 3)
    try add(1, Timestamp(seconds: midnight + 600))
    try add(2, Timestamp(seconds: midnight + 600))
    try add(3, Timestamp(seconds: midnight + 7_200))
    try bench.commit(
      by: bench.owner, at: Timestamp(seconds: midnight + 9_000), Bench.forget(gone))
    try expect([], day: 6)
  }
}
