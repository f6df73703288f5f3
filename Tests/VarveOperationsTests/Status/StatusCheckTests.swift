import Testing
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

/// What checks show: whether damage is gone, and when all data was read.
@Suite struct StatusCheckTests {
  private let hour = StatusBench.hour

  private func isDamaged(_ bench: StatusBench) -> Bool {
    bench.repository.problems.contains { $0.kind == .damaged }
  }

  /// Damage that a check of a scope has found, and clean ones after it.
  private func isDamaged(_ found: String, then clean: String...) -> Bool {
    var bench = StatusBench()
    bench.check(found, ago: 20 * hour, isDamaged: true)
    for scope in clean { bench.check(scope, ago: hour) }
    return isDamaged(bench)
  }

  @Test func damageIsClearedByWhatLookedAtTheSame() {
    for scope in ["structure", "read-data", "read-data 1/2", "read-data 8.0%", "other"] {
      #expect(isDamaged(scope))
      #expect(!isDamaged(scope, then: "read-data"))
      #expect(!isDamaged(scope, then: "read-data 1/3", "read-data 3/3", "read-data 2/3"))
      #expect(isDamaged(scope, then: "other"), "nobody knows what it looked at")
    }
    #expect(!isDamaged("structure", then: "structure"))
    #expect(!isDamaged("structure", then: "read-data 2/7"))
    #expect(!isDamaged("read-data 1/2", then: "read-data 1/2"))
    #expect(!isDamaged("read-data 5/6", then: "read-data 1/1"))
    for (found, clean) in [
      ("read-data", "structure"), ("read-data", "read-data 1/2"), ("read-data", "read-data 99.0%"),
      ("read-data 1/2", "structure"), ("read-data 1/2", "read-data 2/2"),
      ("read-data 1/2", "read-data 1/3"), ("read-data 1/2", "read-data 50.0%"),
      ("read-data 8.0%", "read-data 8.0%"), ("read-data 8.0%", "read-data 1/12"),
      ("read-data 5000 bytes", "read-data 5000 bytes"), ("read-data 1/2", "read-data 3/2"),
      ("other", "structure"),
    ] {
      #expect(isDamaged(found, then: clean), "\(found), then \(clean)")
    }
  }

  @Test func partsThatWereCleanBeforeClearNothing() {
    var bench = StatusBench()
    bench.check("read-data 1/2", ago: 30 * hour)
    bench.check("read-data 8.0%", ago: 20 * hour, isDamaged: true)
    bench.check("read-data 2/2", ago: 10 * hour)
    #expect(isDamaged(bench))
    bench.check("read-data 1/2", ago: hour)
    #expect(!isDamaged(bench))
  }

  /// The last of them is not the only one.
  @Test func everyCheckIsJudged() {
    var bench = StatusBench()
    bench.check("read-data", ago: 30 * hour, isDamaged: true)
    bench.check("structure", ago: 20 * hour, isDamaged: true)
    bench.check("structure", ago: 10 * hour)
    #expect(isDamaged(bench))
    #expect(bench.repository.problems[0].message.hasPrefix("the check of 1 d 6 h ago (read-data)"))
    bench.check("read-data 1/2", ago: 9 * hour, isDamaged: true)
    #expect(bench.repository.problems[0].message.contains("as did 1 other"))
    bench.check("read-data", ago: hour)
    #expect(!isDamaged(bench))
  }

  @Test func aWriterSeesLess() {
    var bench = StatusBench()
    bench.check("structure", ago: 30 * hour, isDamaged: true)
    bench.check("read-data", ago: 20 * hour, isWriters: true)
    #expect(isDamaged(bench))
    bench.check("structure", ago: 10 * hour)
    #expect(!isDamaged(bench))
    bench.check("structure", ago: 3 * hour, isDamaged: true, isWriters: true)
    bench.check("structure", ago: hour, isWriters: true)
    #expect(!isDamaged(bench))
  }

  /// It opens no pack, and anybody with its key can say so.
  @Test func aWritersCheckVerifiesNothing() {
    var bench = StatusBench()
    bench.configuration.repositories["main"]?.maximumUnverifiedAge = 30 * hour
    bench.check("read-data", ago: 2 * hour, hasReadAllPacks: true, isWriters: true)
    #expect(bench.repository.state == "unverified" && bench.repository.verified == nil)
    bench.check("read-data", ago: hour)
    #expect(bench.repository.state == "ok")
  }

  @Test func verifiedIsWhatWasReadWhole() {
    var bench = StatusBench()
    bench.configuration.repositories["main"]?.maximumUnverifiedAge = 30 * hour
    for scope in ["structure", "read-data 8.0%", "read-data 5000 bytes", "read-data 1/3"] {
      bench.check(scope, ago: 29 * hour)
    }
    bench.check("read-data 3/3", ago: 28 * hour)
    #expect(bench.repository.state == "unverified" && bench.repository.verified == nil)
    #expect(bench.repository.problems[0].message.hasSuffix("2 of 3 parts were read"))
    var damaged = bench
    damaged.check("read-data 2/3", ago: 27 * hour, isDamaged: true)
    #expect(damaged.repository.verified == nil)
    bench.check("read-data 2/3", ago: 27 * hour)
    #expect(bench.repository.state == "ok")
    #expect(bench.repository.verified == StatusBench.ago(29 * hour), "as old as the oldest part")
    bench.check("read-data 1/3", ago: 2 * hour)
    #expect(bench.repository.verified == StatusBench.ago(28 * hour))
    let later = bench.report(at: StatusBench.ago(-3 * hour)).repositories[0]
    #expect(later.problems.contains { $0.kind == .unverified })
    bench.check("read-data 100.0%", ago: hour)
    #expect(bench.repository.verified == StatusBench.ago(28 * hour), "99.96% is written so, too")
    bench.check("read-data 100.0%", ago: hour, hasReadAllPacks: true)
    #expect(bench.repository.verified == StatusBench.ago(hour))
  }

  @Test func aStructureCheckOfNoPacksReadsNoData() {
    var bench = StatusBench()
    bench.check("structure", ago: hour, hasReadAllPacks: true)
    #expect(bench.repository.verified == nil)
  }
}
