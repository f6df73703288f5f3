import Glibc
import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveTestSupport

@Suite struct RunJournalTests {
  private let here = TemporaryDirectory()
  private var journal: RunJournal { RunJournal(directory: here("state/runs")) }

  private func record(
    _ number: Int, _ result: RunRecord.Result = .started, name: String = "nightly"
  ) -> RunRecord {
    RunRecord(
      id: "run\(number)", activity: .backup, name: name, repository: "main",
      started: Timestamp(seconds: Int64(1_000_000 + number), nanoseconds: 5, offset: 3600),
      result: result)
  }

  @Test func everythingComesBack() throws {
    var end = record(1, .incomplete)
    end.detail = "quarterly"
    end.ended = Timestamp(seconds: 1_000_900)
    end.message = "two\nlines \"and\" quotes \u{1}"
    var source = SourceOutcome(source: "ledger", result: .success)
    source.snapshot = SHA256.digest([1, 2, 3])
    source.message = "m"
    source.alarm = "a"
    source.files = 1
    source.filesNew = 2
    source.filesChanged = 3
    source.filesRemoved = 4
    source.bytes = 5
    source.bytesAdded = 6
    source.bytesStored = 7
    source.filesMissing = 8
    source.bytesMissing = 9
    end.isInterrupted = true
    end.sources = [source, SourceOutcome(source: "state", result: .failure)]
    try journal.append(record(0))
    try journal.append(record(1))
    try journal.append(end)
    #expect(try journal.records(activity: .backup, name: "nightly") == [record(0), end])
    #expect(try journal.records(activity: .drill, name: "nightly") == [])
    #expect(try journal.records(activity: .backup, name: "other") == [])
  }

  @Test func namesMayBeAnything() throws {
    let names = ["../../etc/passwd", "a/b", "ä %41", "A", "%2F"]
    for (number, name) in names.enumerated() { try journal.append(record(number, name: name)) }
    for (number, name) in names.enumerated() {
      #expect(try journal.records(activity: .backup, name: name) == [record(number, name: name)])
    }
    #expect(try journal.names(activity: .backup) == names.sorted())
    #expect(try journal.names(activity: .prune) == [])
  }

  /// A crash may cut the last line anywhere.
  @Test func aTornLineIsPassedOver() throws {
    try journal.append(record(0))
    let path = here("state/runs/backup-nightly.jsonl")
    let whole = try FileBytes.read(path)
    for length in 0..<whole.count {
      try FileBytes.write(whole + whole.prefix(length), to: path)
      try journal.append(record(1))
      #expect(
        try journal.records(activity: .backup, name: "nightly") == [record(0), record(1)],
        "cut after \(length)")
    }
    try FileBytes.write(whole + Array("{\"id\":7}\n[]\n\u{0}\n".utf8), to: path)
    #expect(try journal.records(activity: .backup, name: "nightly") == [record(0)])
  }

  @Test func onlyTheNewestAreKept() throws {
    let path = here("state/runs/backup-nightly.jsonl")
    try journal.append(record(0))
    let line = try FileBytes.read(path)
    try FileBytes.write((0..<3_999).flatMap { line.withID("run\($0)") }, to: path)
    try journal.append(record(3_999))
    #expect(try journal.records(activity: .backup, name: "nightly").count == 4_000)
    try journal.append(record(4_000))
    let kept = try journal.records(activity: .backup, name: "nightly").map(\.id)
    #expect(kept == (3_001...4_000).map { "run\($0)" })
  }

  @Test func manyProcessesAtOnce() throws {
    let journal = journal
    let failures = Atomic<Int>(0)
    runThreads(4) { thread in
      for number in 0..<25 {
        do { try journal.append(record(thread * 100 + number)) } catch {
          failures.add(1, ordering: .relaxed)
        }
      }
    }
    #expect(failures.load(ordering: .relaxed) == 0)
    let ids = try journal.records(activity: .backup, name: "nightly").map(\.id)
    #expect(Set(ids).count == 100 && ids.count == 100)
  }
}

extension [UInt8] {
  /// A line of the journal with another id.
  fileprivate func withID(_ id: String) -> [UInt8] {
    Array(
      String(decoding: self, as: UTF8.self).split(separator: "\"run0\"", maxSplits: 1)
        .joined(separator: "\"\(id)\"").utf8)
  }
}
