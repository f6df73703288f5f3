import Synchronization
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository

@Suite struct SnapshotSelectorTests {
  /// Snapshots in memory, in the order of the log.
  final class Snapshots: SnapshotCatalogue {
    private(set) var liveSnapshots: [Digest] = []
    private var records: [Digest: SnapshotRecord] = [:]
    private(set) var opened = 0
    private(set) var headingsRead = 0

    func snapshotRecord(_ id: Digest) throws -> SnapshotRecord {
      opened += 1
      guard let record = records[id] else { throw VarveError(.missing, "no record \(id)") }
      return record
    }

    func snapshotHeadings(_ ids: [Digest]) throws -> [SnapshotHeading] {
      headingsRead += ids.count
      return try ids.map {
        guard let record = records[$0] else { throw VarveError(.missing, "no record \($0)") }
        return SnapshotHeading(record)
      }
    }

    func add(
      _ id: String, time: Int64, host: String = "h", tags: [String] = [], paths: [String] = ["/"],
      isPartial: Bool = false
    ) {
      let digits = id + String(repeating: "0", count: 64 - id.utf8.count)
      guard let digest = Digest(hex: digits) else { return }
      liveSnapshots.append(digest)
      records[digest] = SnapshotRecord(
        time: Timestamp(seconds: time), host: Array(host.utf8), user: [], uid: 0, gid: 0,
        paths: paths.map { Array($0.utf8) }, tags: tags,
        tree: SnapshotRecord.Tree(id: .zero, root: .zero, entries: 0), isPartial: isPartial,
        program: "test")
    }

    func lose(_ index: Int) { records[liveSnapshots[index]] = nil }
  }

  private let snapshots = Snapshots()

  private func find(_ text: String, _ filter: SnapshotFilter = SnapshotFilter()) throws -> String {
    let selector = try SnapshotSelector(parsing: Array(text.utf8))
    return String(try SnapshotSearch(snapshots, filter: filter).find(selector).id.hex.prefix(4))
  }

  @Test func parsing() throws {
    func parse(_ text: String) throws -> SnapshotSelector {
      try SnapshotSelector(parsing: Array(text.utf8))
    }
    #expect(try parse("latest").name == .latest(back: 0))
    #expect(try parse("latest~12").name == .latest(back: 12))
    #expect(try parse("0AbC").name == .id(prefix: "0abc"))
    #expect(try parse("latest:/a/b").path == SnapshotPath("/a/b".utf8))
    #expect(try parse("1:c:d").path == SnapshotPath("c:d".utf8))
    #expect(try parse("1:").path.isRoot)
    #expect(try parse("latest~2:x").description == "latest~2:/x")
    let long = String(repeating: "a", count: 65)
    for bad in ["", ":", "latest~", "latest~x", "latest~-1", "latest2", "xyz", "~1", long] {
      #expect(throws: VarveError(.usage, ""), "\(bad)") { try parse(bad) }
    }
    #expect(throws: VarveError(.usage, "")) { try parse("latest~99999999999999999999") }
    #expect(throws: VarveError(.usage, "")) { try SnapshotSelector(parsing: [0xff]) }
  }

  @Test func latestGoesByTheTimeRecorded() throws {
    snapshots.add("aa01", time: 30)
    snapshots.add("aa02", time: 10)
    snapshots.add("aa03", time: 20)
    snapshots.add("aa04", time: 30)
    #expect(try find("latest") == "aa04")
    #expect(try find("latest~1") == "aa01")
    #expect(try find("latest~2") == "aa03")
    #expect(try find("latest~3") == "aa02")
    #expect(throws: VarveError(.notFound, "")) { try find("latest~4") }
  }

  @Test func partialSnapshotsAreNotTheLatest() throws {
    snapshots.add("aa01", time: 1)
    snapshots.add("aa02", time: 2, isPartial: true)
    #expect(try find("latest") == "aa01")
    #expect(throws: VarveError(.notFound, "")) { try find("latest~1") }
    #expect(try find("aa02") == "aa02")
    #expect(try SnapshotSearch(snapshots).all().count == 2)
  }

  @Test func ids() throws {
    snapshots.add("abcd", time: 1)
    snapshots.add("abce", time: 2)
    snapshots.add("b", time: 3)
    #expect(try find("b") == "b000")
    #expect(try find("abcd") == "abcd")
    #expect(try find("ABCE0") == "abce")
    #expect(snapshots.opened == 3)
    #expect(throws: VarveError(.notFound, "")) { try find("c") }
    let error = #expect(throws: VarveError.self) { try find("abc") }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains("2 snapshots") == true)
    #expect(error?.hint?.contains("abcd00000000, abce00000000") == true)
    #expect(
      try SnapshotSearch(snapshots).id(of: SnapshotSelector(parsing: [0x62])).hex.first == "b")
    #expect(snapshots.opened == 3)
  }

  @Test func filters() throws {
    snapshots.add("aa01", time: 1, host: "one", tags: ["x", "y"], paths: ["/a", "/b"])
    snapshots.add("aa02", time: 2, host: "two", tags: ["y"], paths: ["/a"])
    snapshots.add("aa03", time: 3, host: "one", tags: [], paths: ["/b"])
    func ids(
      hosts: [String] = [], tags: [[String]] = [], paths: [String] = []
    ) throws -> [String] {
      let filter = SnapshotFilter(
        hosts: hosts.map { Array($0.utf8) }, tagLists: tags, paths: paths.map { Array($0.utf8) })
      return try SnapshotSearch(snapshots, filter: filter).find([]).map {
        String($0.id.hex.prefix(4))
      }
    }
    #expect(try ids() == ["aa01", "aa02", "aa03"])
    #expect(try ids(hosts: ["one"]) == ["aa01", "aa03"])
    #expect(try ids(hosts: ["two", "three"]) == ["aa02"])
    #expect(try ids(tags: [["x", "y"]]) == ["aa01"])
    #expect(try ids(tags: [["x"], ["y"]]) == ["aa01", "aa02"])
    #expect(try ids(tags: [[""]]) == ["aa03"])
    #expect(try ids(paths: ["/a", "/b"]) == ["aa01"])
    #expect(try ids(hosts: ["one"], paths: ["/b"]) == ["aa01", "aa03"])
    #expect(try find("latest", SnapshotFilter(hosts: [Array("two".utf8)])) == "aa02")
    // An id is an id, whatever the filter says.
    #expect(try find("aa03", SnapshotFilter(hosts: [Array("two".utf8)])) == "aa03")
    #expect(throws: VarveError(.notFound, "")) {
      try find("latest", SnapshotFilter(hosts: [Array("none".utf8)]))
    }
  }

  @Test func severalSelectors() throws {
    snapshots.add("aa01", time: 1)
    snapshots.add("bb01", time: 2)
    let selectors = try ["latest", "aa", "bb01", "bb:/x"].map {
      try SnapshotSelector(parsing: Array($0.utf8))
    }
    let found = try SnapshotSearch(snapshots).find(selectors)
    #expect(found.map { String($0.id.hex.prefix(2)) } == ["bb", "aa", "bb"])
    #expect(found.map(\.path.isRoot) == [true, true, false])
  }

  /// To pass over a record that cannot be read might make an old snapshot the latest.
  @Test func unreadableRecords() throws {
    snapshots.add("aa01", time: 1)
    snapshots.add("aa02", time: 2)
    snapshots.lose(0)
    #expect(throws: VarveError(.missing, "")) { try find("latest") }
    #expect(throws: VarveError(.missing, "")) { try find("aa01") }
    #expect(try find("aa02") == "aa02")
  }
}
