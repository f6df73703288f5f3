import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// Reading a log of many entries from a store that is far away.
@Suite(.onOwnThreads) struct LogDownloadTests {
  private static func log(_ commits: Int) throws -> LogBench {
    let bench = try LogBench()
    let owner = try bench.unlock()
    for number in 0..<commits {
      try owner.log.append { _ in
        (0...number % 3).map { LogBench.note("\(number) \($0)") }
      }
    }
    return bench
  }

  @Test func bundlesTakeTheWayOfCommits() throws {
    let bench = try Self.log(700)
    let near = try bench.audit("near")
    let far = FarStorage(bench.storage)
    let log = try bench.audit("far", far)
    #expect(log.head == near.head && log.head.size > 1_400)
    #expect(log.state.checks.count == near.state.checks.count)
    let reads = far.counts.reads
    #expect(reads.values.reduce(0, +) < 350, "\(reads.count)")
    #expect(reads.keys.filter { $0.hasPrefix("log/tile/entries/") }.count == 5)
    // The copy that the client keeps is whole: the next time one probe is enough.
    far.resetCounts()
    #expect(try bench.audit("far", far).head == near.head)
    #expect(far.counts.reads.values.reduce(0, +) < 6, "\(far.counts.reads)")
  }

  @Test(arguments: ["missing", "damaged", "cut", "another"])
  func bundlesThatAreWrongCountForNothing(how: String) throws {
    let bench = try Self.log(700)
    let near = try bench.audit("near")
    let name = "log/tile/entries/002"
    let bytes = try bench.storage.read(name)
    switch how {
    case "missing": try bench.storage.remove(name)
    case "damaged":
      var changed = bytes
      changed[bytes.count / 2] ^= 1
      try bench.storage.put(name, changed)
    case "cut": try bench.storage.put(name, Array(bytes.prefix(bytes.count / 2)))
    default: try bench.storage.put(name, try bench.storage.read("log/tile/entries/001"))
    }
    #expect(try bench.audit("far", FarStorage(bench.storage)).head == near.head)
  }

  @Test func shortLogsAreReadAhead() throws {
    let bench = try Self.log(60)
    let near = try bench.audit("near")
    let far = FarStorage(bench.storage)
    #expect(try bench.audit("far", far).head == near.head)
    #expect(far.counts.reads.values.allSatisfy { $0 <= 2 })
  }
}
