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
    /// What the log says of them, with what they were before they were lost.
    private var logged: [Digest: SnapshotRecord] = [:]
    private let opaque = OpaqueIDs(
      indexKey: SecretBytes(copying: [UInt8](repeating: 7, count: 32)), repository: .zero)
    var isSourceLogged = true
    private(set) var opened = 0
    private(set) var headingsRead = 0

    func snapshotRecord(_ id: Digest) throws -> SnapshotRecord {
      opened += 1
      guard let record = records[id] else { throw VarveError(.missing, "no record \(id)") }
      return record
    }

    func eachSnapshotHeading(
      _ ids: [Digest]
    ) throws -> [Result<SnapshotHeading, VarveError>] {
      headingsRead += ids.count
      return ids.map { id in
        records[id].map { .success(SnapshotHeading($0)) }
          ?? .failure(VarveError(.missing, "no record \(id)"))
      }
    }

    func unreadableSnapshot(
      _ id: Digest, _ error: VarveError
    ) throws -> UnreadableSnapshot {
      let record = try #require(logged[id])
      return UnreadableSnapshot(
        id: id, error: error, logged: record.time, taken: nil, isPartial: record.isPartial,
        source: isSourceLogged ? SnapshotSource(SnapshotHeading(record)).id(opaque) : nil,
        tags: record.tags.map(opaque.tag))
    }

    func opaqueIDs() throws -> OpaqueIDs { opaque }

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
      logged[digest] = records[digest]
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
    #expect(try SnapshotSearch(snapshots).choose([]).snapshots.count == 2)
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
      let search = SnapshotSearch(snapshots, filter: filter)
      let chosen = try search.choose([])
      #expect(try search.ids(of: []) == chosen.snapshots.map(\.id))
      #expect(chosen.unreadable.isEmpty)
      return chosen.snapshots.map { String($0.id.hex.prefix(4)) }
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

  @Test func pathsOfFiltersAreThoseOfBackups() throws {
    func paths(_ text: String...) throws -> [String] {
      try SnapshotFilter(backingUp: text.map { Array($0.utf8) }).paths.map {
        String(decoding: $0, as: UTF8.self)
      }
    }
    #expect(try paths("/a/b/", "//a/./c/../b", "/") == ["/a/b", "/a/b", "/"])
    let current = try #require(try paths(".").first)
    #expect(current.first == "/")
    #expect(try paths("a/b/", "../x") == [current + "/a/b", try paths(current + "/../x")[0]])
    #expect(throws: VarveError(.usage, "")) { try paths("") }
  }

  @Test func severalSelectors() throws {
    snapshots.add("aa01", time: 1)
    snapshots.add("bb01", time: 2)
    func selectors(_ texts: String...) throws -> [SnapshotSelector] {
      try texts.map { try SnapshotSelector(parsing: Array($0.utf8)) }
    }
    let search = SnapshotSearch(snapshots)
    let found = try search.choose(try selectors("latest", "aa", "bb01", "bb:", "bb:/"))
    #expect(found.snapshots.map { String($0.id.hex.prefix(2)) } == ["bb", "aa"])
    #expect(try search.ids(of: try selectors("aa", "aa01")).count == 1)
    #expect(try search.find(try selectors("bb:/x")[0]).path == SnapshotPath("/x".utf8))
  }

  /// Who acts on whole snapshots does not take a part of one for all of it.
  @Test func aPartIsNotAWholeSnapshot() throws {
    snapshots.add("aa01", time: 1)
    let search = SnapshotSearch(snapshots)
    for text in ["aa:/x", "latest:/x", "aa01:x/y"] {
      let selector = try SnapshotSelector(parsing: Array(text.utf8))
      #expect(throws: VarveError(.usage, "")) { try search.id(of: selector) }
      #expect(throws: VarveError(.usage, "")) { try search.ids(of: [selector]) }
      #expect(throws: VarveError(.usage, "")) { try search.choose([selector]) }
    }
  }

  // MARK: Records that cannot be read

  /// What was found, and what was passed over for it.
  private func passedOver(
    _ text: String = "latest", _ filter: SnapshotFilter = SnapshotFilter()
  ) throws -> [String] {
    var ids: [String] = []
    let search = SnapshotSearch(snapshots, filter: filter) {
      ids.append(String($0.id.hex.prefix(4)))
    }
    let found = try search.find(try SnapshotSelector(parsing: Array(text.utf8)))
    return [String(found.id.hex.prefix(4))] + ids
  }

  /// To pass over one that may be the latest might make an old snapshot the latest; one that is older than what is found
  /// cannot be.
  @Test func anUnreadableRecordThatIsOlderIsPassedOver() throws {
    snapshots.add("aa01", time: 1)
    snapshots.add("aa02", time: 2)
    snapshots.add("aa03", time: 3)
    snapshots.lose(0)
    #expect(try passedOver() == ["aa03", "aa01"])
    #expect(try passedOver("latest~1") == ["aa02", "aa01"])
    #expect(throws: VarveError(.missing, "")) { try find("latest~2") }
    #expect(throws: VarveError(.missing, "")) { try find("aa01") }
    #expect(try find("aa02") == "aa02")
    snapshots.lose(1)
    #expect(try passedOver() == ["aa03", "aa01", "aa02"])
    #expect(throws: VarveError(.missing, "")) { try find("latest~1") }
    snapshots.lose(2)
    #expect(throws: VarveError(.missing, "")) { try find("latest") }
  }

  @Test func anUnreadableRecordThatMayBeTheLatestIsNotPassedOver() throws {
    snapshots.add("aa01", time: 1)
    snapshots.add("aa02", time: 2)
    snapshots.lose(1)
    let error = #expect(throws: VarveError.self) { try find("latest") }
    #expect(error?.code == .missing && error?.message.contains("aa02") == true)
    #expect(error?.hint?.contains("by its id") == true)
  }

  @Test func partialOnesAreNotTheLatestWhetherReadableOrNot() throws {
    snapshots.add("aa01", time: 1)
    snapshots.add("aa02", time: 2, isPartial: true)
    snapshots.lose(1)
    #expect(try passedOver() == ["aa01"])
  }

  /// The log says of which source a snapshot is, and what tags it has: what a filter does not mean is in nobody's way.
  @Test func filtersTellUnreadableRecordsApart() throws {
    snapshots.add("aa01", time: 1, host: "one", tags: ["x"])
    snapshots.add("aa02", time: 2, host: "two", tags: ["y"])
    snapshots.add("aa03", time: 3, host: "two", tags: ["y"])
    snapshots.lose(2)
    let (one, two) = (Array("one".utf8), Array("two".utf8))
    #expect(try passedOver("latest", SnapshotFilter(hosts: [one])) == ["aa01"])
    #expect(try passedOver("latest", SnapshotFilter(tagLists: [["x"]])) == ["aa01"])
    #expect(throws: VarveError(.missing, "")) { try find("latest", SnapshotFilter(hosts: [two])) }
    #expect(throws: VarveError(.missing, "")) {
      try find("latest", SnapshotFilter(tagLists: [["y"]]))
    }
    // Nobody knows whose the only one of a source was, or what an old entry stands for.
    snapshots.lose(1)
    #expect(throws: VarveError(.missing, "")) { try find("latest", SnapshotFilter(hosts: [one])) }
    snapshots.isSourceLogged = false
    #expect(throws: VarveError(.missing, "")) {
      try find("latest", SnapshotFilter(tagLists: [["x"]]))
    }
  }

  @Test func unreadableRecordsDoNotHideOthers() throws {
    snapshots.add("aa01", time: 1)
    snapshots.add("aa02", time: 2)
    snapshots.add("aa03", time: 3)
    snapshots.lose(1)
    func names(_ ids: [Digest]) -> [String] { ids.map { String($0.hex.prefix(4)) } }
    let search = SnapshotSearch(snapshots)
    let all = try search.choose([])
    #expect(names(all.snapshots.map(\.id)) == ["aa01", "aa03"])
    #expect(names(all.unreadable.map(\.id)) == ["aa02"])
    #expect(names(try search.ids(of: [])) == ["aa01", "aa02", "aa03"])
    let named = try search.choose(
      try ["aa02", "aa03"].map { try SnapshotSelector(parsing: Array($0.utf8)) })
    #expect(names(named.snapshots.map(\.id)) == ["aa03"])
    #expect(names(named.unreadable.map(\.id)) == ["aa02"])
    let filtered = try SnapshotSearch(
      snapshots, filter: SnapshotFilter(hosts: [Array("other".utf8)])
    ).choose([])
    #expect(filtered.snapshots.isEmpty && filtered.unreadable.isEmpty)
  }
}
