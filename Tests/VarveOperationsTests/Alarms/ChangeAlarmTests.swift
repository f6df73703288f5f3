import Glibc
import Testing
import Varve
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

@Suite struct ChangeAlarmTests {
  /// A source whose runs are made up: files, bytes in all, and what a run changes.
  private struct Simulated {
    var files: Int64
    var bytes: Int64
    /// Stored over read bytes of what it consists of.
    var ratio: Double
    var history: [SourceOutcome] = []

    init(files: Int64, bytes: Int64, ratio: Double) {
      self.files = files
      self.bytes = bytes
      self.ratio = ratio
      _ = run(new: files, bytes: bytes, isFirst: true)
    }

    mutating func run(
      new: Int64 = 0, changed: Int64 = 0, removed: Int64 = 0, bytes added: Int64,
      lost: Int64 = 0, ratio: Double? = nil, isFirst: Bool = false
    ) -> SourceOutcome {
      if !isFirst {
        files += new - removed
        bytes += new > 0 || removed > 0 ? added - lost : 0
      }
      var outcome = SourceOutcome(source: "s", result: .success)
      outcome.files = files
      outcome.bytes = max(0, bytes)
      outcome.filesNew = new
      outcome.filesChanged = changed
      outcome.filesRemoved = removed
      outcome.bytesAdded = added
      outcome.bytesStored = Int64(Double(added) * (ratio ?? self.ratio))
      history.append(outcome)
      return outcome
    }
  }

  private let alarm = ChangeAlarm()
  private let mebibyte: Int64 = 1 << 20

  /// What `body` makes of a source, run after run, is judged; the first three runs have no history to speak of.
  private func alarms(
    _ source: Simulated, runs: Int, _ body: (inout Simulated, Int) -> SourceOutcome
  ) -> [String] {
    var source = source
    var alarms: [String] = []
    for number in 0..<runs {
      let before = source.history
      let outcome = body(&source, number)
      if let text = alarm.judge(outcome, history: before) { alarms.append("\(number): \(text)") }
    }
    return alarms
  }

  @Test(arguments: 0..<20) func ordinaryHistoriesAreQuiet(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    func random(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &generator) }
    // Documents: a few of many change, some are added, now and then a folder of pictures.
    #expect(
      alarms(Simulated(files: 40_000, bytes: 60_000 * mebibyte, ratio: 0.55), runs: 300) {
        source, _ in
        let isHoliday = random(0...30) == 0
        return isHoliday
          ? source.run(new: random(50...400), bytes: random(300...2500) * mebibyte, ratio: 0.995)
          : source.run(
            new: random(0...40), changed: random(0...120), removed: random(0...30),
            bytes: random(0...300) * mebibyte, lost: random(0...50) * mebibyte)
      } == [])
    // A database that is dumped into one file, anew each time.
    #expect(
      alarms(Simulated(files: 1, bytes: 4000 * mebibyte, ratio: 0.3), runs: 300) { source, _ in
        source.run(changed: 1, bytes: random(100...900) * mebibyte)
      }.count <= 1)
    // A directory of packed archives, one a day, the oldest one goes.
    #expect(
      alarms(Simulated(files: 30, bytes: 6000 * mebibyte, ratio: 1.0), runs: 300) { source, _ in
        source.run(new: 1, removed: 1, bytes: 200 * mebibyte, lost: 200 * mebibyte)
      } == [])
    // Small on weekdays, everything on Sundays: from the third Sunday on that is its way.
    let weekly = alarms(Simulated(files: 500, bytes: 9000 * mebibyte, ratio: 0.4), runs: 300) {
      source, day in
      day % 7 == 6
        ? source.run(changed: 500, bytes: 8000 * mebibyte)
        : source.run(changed: random(0...20), bytes: random(0...60) * mebibyte)
    }
    #expect(weekly.count <= 2)
    // Logs: all of them are renamed once a week, the oldest is packed.
    let logs = alarms(Simulated(files: 50, bytes: 3000 * mebibyte, ratio: 0.12), runs: 300) {
      source, day in
      day % 7 == 6
        ? source.run(changed: 10, bytes: 20 * mebibyte, ratio: 0.9)
        : source.run(changed: 5, bytes: random(20...300) * mebibyte)
    }
    #expect(logs == [])
    // Nothing but a small configuration.
    #expect(
      alarms(Simulated(files: 12, bytes: 1 * mebibyte, ratio: 0.4), runs: 50) { source, _ in
        source.run(changed: random(0...12), bytes: random(0...1) * mebibyte)
      } == [])
  }

  /// After a history of any length, files that are encrypted in place, renamed or not, are noticed.
  @Test(arguments: [1, 2, 4, 20, 250], [0.15, 0.5, 1.0])
  func encryptionIsNoticed(_ runs: Int, _ part: Double) throws {
    for isRenamed in [false, true] {
      var source = Simulated(files: 2000, bytes: 3000 * mebibyte, ratio: 0.5)
      for _ in 1..<runs { _ = source.run(changed: 20, bytes: 30 * mebibyte) }
      let before = source.history
      let count = Int64(2000 * part)
      let bytes = Int64(Double(3000 * mebibyte) * part)
      let outcome =
        isRenamed
        ? source.run(new: count, removed: count, bytes: bytes, lost: bytes, ratio: 1.0)
        : source.run(changed: count, bytes: bytes, ratio: 1.0)
      let text = try #require(alarm.judge(outcome, history: before))
      #expect(text.contains("encrypted"))
      if part >= 0.5 { #expect(text.contains("\(count) of 2000 files are changed or gone")) }
    }
  }

  @Test func deletionAndGrowthAreNoticed() throws {
    var source = Simulated(files: 2000, bytes: 3000 * mebibyte, ratio: 0.5)
    for _ in 0..<5 { _ = source.run(changed: 20, bytes: 30 * mebibyte) }
    let before = source.history
    let gone = source.run(removed: 1500, bytes: 0, lost: 2200 * mebibyte)
    #expect(try #require(alarm.judge(gone, history: before)).contains("changed or gone"))
    var other = Simulated(files: 2000, bytes: 3000 * mebibyte, ratio: 0.5)
    for _ in 0..<5 { _ = other.run(changed: 20, bytes: 30 * mebibyte) }
    let history = other.history
    let grown = other.run(new: 10, bytes: 500 * mebibyte)
    #expect(try #require(alarm.judge(grown, history: history)).contains("500.000 MiB are new"))
  }

  @Test func nothingIsSaidWithoutHistoryAndOfLittle() {
    var source = Simulated(files: 1000, bytes: 1000 * mebibyte, ratio: 0.5)
    #expect(alarm.judge(source.history[0], history: []) == nil)
    let little = source.run(changed: 1000, bytes: 63 * mebibyte, ratio: 1)
    #expect(alarm.judge(little, history: [source.history[0]]) == nil)
    // Runs that failed say nothing.
    var failed = source.history[0]
    failed.result = .failure
    #expect(alarm.judge(little, history: [failed, failed, failed, failed]) == nil)
  }

  @Test func anyNumbersAreJudged() {
    var generator = SeededGenerator(seed: 3)
    let values: [Int64] = [.min, -1, 0, 1, 100, 1 << 40, .max]
    func outcome() -> SourceOutcome {
      var outcome = SourceOutcome(source: "s", result: .success)
      func value() -> Int64 { values[Int(generator.next() % 7)] }
      outcome.files = value()
      outcome.filesNew = value()
      outcome.filesChanged = value()
      outcome.filesRemoved = value()
      outcome.bytes = value()
      outcome.bytesAdded = value()
      outcome.bytesStored = value()
      return outcome
    }
    for _ in 0..<5000 { _ = alarm.judge(outcome(), history: (0..<4).map { _ in outcome() }) }
  }

  /// A real tree, backed up before and after it is encrypted.
  @Test(arguments: [false, true]) func aTreeEncryptedInPlaceIsNoticed(_ isRenamed: Bool) throws {
    let bench = try OperationsBench()
    var generator = SeededGenerator(seed: 5)
    let words = (0..<500).map { _ in String(generator.next(), radix: 36) }
    func text(_ count: Int) -> [UInt8] {
      var out: [UInt8] = []
      while out.count < count { out += Array((words[Int(generator.next() % 500)] + " ").utf8) }
      return out
    }
    for number in 0..<150 {
      try bench.write(
        text(20_000 + Int(generator.next() % 60_000)), to: "tree/d\(number % 7)/f\(number).txt")
    }
    var alarm = ChangeAlarm()
    alarm.minimumBytes = 1 << 20
    var history: [SourceOutcome] = []
    for run in 0..<5 {
      for number in 0..<4 {
        try bench.write(text(30_000), to: "tree/d\(number)/f\(number + 7 * run).txt")
      }
      let outcome = try bench.outcome(ofBackup: "tree", previous: history.last)
      #expect(alarm.judge(outcome, history: history) == nil)
      history.append(outcome)
    }
    for number in 0..<150 {
      let path = bench.source("tree/d\(number % 7)/f\(number).txt")
      var bytes = try FileBytes.read(path)
      for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: generator.next()) }
      try FileBytes.write(bytes, to: path)
      if isRenamed { rename(path, path + ".locked") }
    }
    let outcome = try bench.outcome(ofBackup: "tree", previous: history.last)
    let text = try #require(alarm.judge(outcome, history: history))
    #expect(text.contains("as if it were encrypted"))
    #expect(text.contains("150 of 150 files are changed or gone"))
  }
}
