import Glibc
import Testing
import VarveFormat
import VarveProof
import VarveRepository
import VarveTestThreads

/// A long history: twenty sources, saved every hour, forgotten by policy once a day, pruned and checked.
@Suite(.onOwnThreads) struct AuditScaleTests {
  @Test func aLongLogIsAuditedInBoundedTimeAndMemory() throws {
    let entries = UInt64(Tools.rounds(6_000, soak: 100_000))
    let here = try Workspace(in: access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil)
    let bench = try HistoryBench(at: here.repository, state: here.root + "/maker", daysAgo: 220)
    try Self.fill(bench, to: entries)
    try bench.sign()
    let outcome = try here.varve(
      "audit", "--json", "--key", bench.config.logKey, "--html", here.root + "/report.html")
    #expect(outcome.code == 0, "\(outcome.text.prefix(2_000))\(outcome.errors)")
    let report = try outcome.document()
    #expect(report["size"].number == Int(entries))
    #expect(report["snapshots"]["forgotten"].number ?? 0 > Int(entries) / 5)
    print(
      "audit of \(entries) entries: \(outcome.seconds) s, \(outcome.peakMemory >> 20) MiB at most")
    if entries >= 100_000 {
      #expect(outcome.seconds < 60)
      #expect(outcome.peakMemory < 200_000_000)
    }
    // The page does not grow with the log.
    #expect(try here.read(here.root + "/report.html").count < 400_000)
  }

  /// Hourly snapshots of twenty sources, of each of which the newest 200 are kept: that covers all that the policy keeps.
  static func fill(_ bench: HistoryBench, to size: UInt64) throws {
    let sources: UInt64 = 20
    let kept: UInt64 = 200
    let writer = try bench.add(.writer, at: bench.hours(0))
    try bench.commit(
      by: bench.owner, at: bench.hours(0),
      HistoryBench.policy([.last: Int64(kept), .hourly: 24, .daily: 7]))
    let span = Int64(size) / Int64(sources)
    // As many hours as there are rounds, or less: it all lies in the past.
    let step = min(HistoryBench.hour, 200 * HistoryBench.day / max(span, 1))
    var hour: UInt64 = 0
    var condemned: UInt64?
    while bench.head.size < size {
      let time = Timestamp(seconds: bench.start.seconds + Int64(hour) * step)
      for source in 0..<sources where bench.head.size < size {
        let number = hour * sources + source
        try bench.commitQuickly(
          by: writer, at: time,
          HistoryBench.snapshot(
            number, taken: time, source: source + 1, tags: number % 7 == 0 ? [1] : [],
            packs: [number]))
      }
      if hour % 24 == 23, hour >= kept + 24 {
        for source in 0..<sources where bench.head.size < size {
          let old = (0..<24).map { HistoryBench.id((hour - kept - $0) * sources + source) }
          try bench.commitQuickly(
            by: bench.owner, at: time, .forget(.init(snapshots: old, reason: "policy in force")))
        }
      }
      if hour % 168 == 167, bench.head.size + 2 < size {
        if let condemned {
          try bench.commitQuickly(by: bench.owner, at: time, .sweep(.init(condemned: [condemned])))
        }
        condemned = bench.head.size
        try bench.commitQuickly(
          by: bench.owner, at: time,
          .condemn(
            .init(objects: .listed((0..<30).map { HistoryBench.pack(10_000_000 + hour * 40 + $0) }))
          ))
        try bench.commitQuickly(by: bench.owner, at: time, HistoryBench.check(at: time))
      }
      hour += 1
    }
  }
}
