import Glibc
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

/// A source of which nothing is left is told, and nothing of it is forgotten.
@Suite struct EmptiedSourceTests {
  private let bench: RunBench

  init() throws {
    bench = try RunBench()
    mkdir(bench.source("tree"), 0o755)
  }

  private func add(_ name: String, _ origin: Source.Origin, keeping count: Int64 = 1) {
    var source = Source(name: name, origin: origin)
    source.retention = RetentionRules()
    source.retention?[.last] = .limited(count)
    bench.profile.sources.append(source)
  }

  private func addTree() { add("tree", .path(bench.source("tree"))) }

  private func write(_ count: Int = 3) throws {
    for number in 0..<count {
      try FileBytes.write(Array("content \(number)".utf8), to: bench.source("tree/\(number)"))
    }
  }

  private func clear(_ count: Int = 3) {
    for number in 0..<count { unlink(bench.source("tree/\(number)")) }
  }

  private var journalFile: String { bench.client().state + "/runs/backup-nightly.jsonl" }

  private func live() throws -> [Digest] { try bench.state().snapshotsInOrder.map(\.id) }

  private func expectDoubt(
    _ text: String, _ source: String = "tree", at location: SourceLocation = #_sourceLocation
  ) throws {
    let run = try bench.run()
    #expect(run.result == .incomplete, "\(run)", sourceLocation: location)
    #expect(run[source]?.message?.hasPrefix(text) == true, "\(run)", sourceLocation: location)
    #expect(
      run.message?.contains("\(source): \(text)") == true, "\(run)", sourceLocation: location)
    #expect(run[source]?.snapshot != nil, sourceLocation: location)
  }

  @Test func anUnmountedDisk() throws {
    addTree()
    try write()
    for _ in 0..<2 { #expect(try bench.run().result == .success) }
    let good = try live()
    #expect(good.count == 1)
    clear()
    for number in 1...3 {
      try expectDoubt("nothing is left of 3 files; is it mounted?")
      #expect(try live().count == 1 + number && live()[0] == good[0])
    }
    try write(1)
    #expect(try bench.run().result == .success)
    #expect(try live().count == 1, "there is something again")
  }

  @Test func theRunThatHadSomethingMayBeLongAgo() throws {
    addTree()
    try write()
    try bench.run()
    clear()
    try bench.run()
    // Only the newest run is remembered, and it had nothing itself.
    let last = try #require(try FileBytes.read(journalFile).split(separator: 0x0a).last)
    try FileBytes.write(Array(last) + [0x0a], to: journalFile)
    try expectDoubt("nothing is left of 3 files")
    // A run that failed in between says nothing of it.
    rmdir(bench.source("tree"))
    #expect(try bench.run().result == .failure)
    mkdir(bench.source("tree"), 0o755)
    try expectDoubt("nothing is left of 3 files")
  }

  @Test func aHostThatRemembersNothingAsksTheRepository() throws {
    addTree()
    try write()
    let good = try bench.run()["tree"]?.snapshot
    clear()
    unlink(journalFile)
    try expectDoubt("nothing is left of 3 files")
    #expect(try live().first == good)
    // Of other sources and profiles it knows nothing.
    bench.profile.name = "other"
    #expect(try bench.run().result == .success)
  }

  @Test func whatNeverHadAnythingIsAsItWas() throws {
    addTree()
    add("dump", .command(CommandSpecification(.shell("true")), fileName: "dump"))
    try FileBytes.write([], to: bench.source("app.db"))
    add("app", .sqlite(bench.source("app.db")))
    for _ in 0..<3 {
      let run = try bench.run()
      #expect(run.result == .success, "\(run)")
      #expect(try live() == run.sources.compactMap(\.snapshot))
    }
  }

  @Test func whatMayBeEmpty() throws {
    addTree()
    bench.profile.sources[0].mayBeEmpty = true
    try write()
    try bench.run()
    clear()
    let run = try bench.run()
    #expect(run.result == .success, "\(run)")
    #expect(try live() == [run["tree"]?.snapshot])
    bench.profile.sources[0].mayBeEmpty = false
    try expectDoubt("nothing is left of 3 files")
  }

  @Test func aFileThatWasCutOff() throws {
    add("state", .path(bench.source("state.json")))
    try FileBytes.write(Array("{}".utf8), to: bench.source("state.json"))
    try bench.run()
    try FileBytes.write([], to: bench.source("state.json"))
    try expectDoubt("nothing is left of 2 B; is that as it should be?", "state")
    #expect(try live().count == 2)
  }

  /// SQLite takes a file without a byte for a database, and finds nothing wrong with it.
  @Test func aDatabaseThatWasCutOff() throws {
    let path = bench.source("app.db")
    do {
      let writer = try SQLiteWriter(path, journal: "delete")
      for _ in 0..<10 { try writer.commit() }
    }
    add("app", .sqlite(path))
    #expect(try bench.run().result == .success)
    try FileBytes.write([], to: path)
    for number in 2...3 {
      try expectDoubt("nothing is left of ", "app")
      #expect(try live().count == number)
    }
  }

  /// Without pipefail nobody hears that the first command of a pipe failed.
  @Test func aPipeOfACommandThatFails() throws {
    let line = "cat \(bench.source("tree/0")) | cat"
    add("dump", .command(CommandSpecification(.shell(line)), fileName: "dump"))
    try write(1)
    #expect(try bench.run().result == .success)
    clear()
    try expectDoubt("nothing is left of 9 B; did all of the command succeed?", "dump")
    #expect(try live().count == 2)
  }

  @Test(arguments: ["", "/", "/."])
  func aPathThatIsALink(end: String) throws {
    try write()
    symlink("tree", bench.source("current"))
    add("current", .path(bench.source("current") + end))
    for number in 1...2 {
      try expectDoubt("it is a symbolic link", "current")
      #expect(try live().count == number)
    }
    bench.profile.sources[0].mayBeEmpty = true
    #expect(try bench.run().result == .success)
    #expect(try live().count == 1)
  }

  @Test func aSuspiciousChangeForgetsNothing() throws {
    addTree()
    bench.profile.changeAlarm?.minimumBytes = 1000
    try write(120)
    try bench.run()
    for number in 0..<120 {
      try FileBytes.write(SecureRandom.bytes(200), to: bench.source("tree/\(number)"))
    }
    let alarmed = try bench.run()
    #expect(alarmed["tree"]?.alarm != nil && alarmed.result == .success, "\(alarmed)")
    #expect(try live().count == 2)
    let quiet = try bench.run()
    #expect(quiet["tree"]?.alarm == nil)
    #expect(try live() == [quiet["tree"]?.snapshot])
  }
}
