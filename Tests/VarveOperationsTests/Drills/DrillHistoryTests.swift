import Testing
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveRepository

/// Whose word counts for a drill.
@Suite struct DrillHistoryTests {
  private let bench: RunBench

  init() throws {
    bench = try RunBench()
    bench.profile.drills = [Drill(name: "monthly")]
  }

  /// Says that a drill was begun and went well.
  private func boast(_ role: Role) throws {
    let key = try bench.unlocked.addKeyFile(role: role)
    let author = try Repository.open(storage: bench.unlocked.storage).unlock(
      .keyText(key.text.copy()), client: bench.client(role.rawValue))
    let ids = DrillIDs(try author.keys.opaqueIDs(), [bench.profile], [])
    let drill = try #require(ids.all("monthly", ofProfile: "nightly").first)
    func receipt(
      _ activity: LogStatement.Receipt.Activity, _ counts: [String: Int64]
    ) -> LogStatement.Body {
      .receipt(
        .init(
          activity: activity, result: .ok, started: WallClock.now(), counts: counts,
          digests: ["drill": drill], scope: "profile", snapshots: []))
    }
    let start = try #require(try author.log.append { _ in [receipt(.drillStart, [:])] }.first)
    try author.log.append { _ in [receipt(.drill, ["startEntry": Int64(start)])] }
  }

  private func facts() throws -> RepositoryFacts {
    try RepositoryFacts(bench.unlocked, profiles: [bench.profile], read: WallClock.now())
  }

  @Test func aWriterCannotRestore() throws {
    try boast(.writer)
    #expect(try DrillHistory(bench.state()).runs.isEmpty)
    #expect(try facts().drills.isEmpty)
    try boast(.reader)
    #expect(try DrillHistory(bench.state()).runs.map { $0.end?.hasPassed } == [true])
    #expect(try facts().drills.map(\.hasPassed) == [true])
  }
}
