internal import Glibc
internal import Synchronization
public import VarveFormat

/// Says where chunks lie: all live index segments, in a few tables.
///
/// A look-up costs one filter test (about 1 byte a row, wrong in 1 of 256 cases) for each table that
/// does not have the chunk, and one search in the table that does; tables are few (`RunTiers`), and the longest
/// is asked first. Rows of packs that are not live are passed over, so a chunk whose pack is gone
/// counts as absent.
public final class ChunkIndex: Sendable {
  /// What look-ups go through; replaced as a whole.
  private final class Tables: @unchecked Sendable {
    /// The longest first.
    let list: [IndexTable]
    private let probes: UnsafeMutableBufferPointer<Unmanaged<IndexTable>>

    init(_ tables: [IndexTable]) {
      list = tables.sorted { $0.rowCount > $1.rowCount }
      probes = .allocate(capacity: list.count)
      for (place, table) in list.enumerated() {
        probes.initializeElement(at: place, to: .passUnretained(table))
      }
    }

    deinit { probes.deallocate() }

    /// Goes through the tables without counting references.
    @inline(__always)
    func first<T>(_ body: (IndexTable) -> T?) -> T? {
      for probe in probes {
        if let found = probe._withUnsafeGuaranteedRef({ body($0) }) { return found }
      }
      return nil
    }
  }

  private let tables = Mutex(Tables([]))
  private let runs: RunDirectory
  private let isMerging = Atomic<Bool>(false)
  /// Packs that somebody relied on in tables that were merged since.
  private let carriedUse = Mutex<Set<Digest>>([])

  /// - Parameter runs: where merged runs go.
  package init(runs: RunDirectory = RunDirectory(path: nil)) { self.runs = runs }

  /// Adds a segment that is live, and merges tables when there are many.
  ///
  /// - Parameter isLive: whether the log state has a pack of that name and size.
  /// - Throws: `.damaged` when the segment's pack table is.
  package func add(
    _ segment: MappedSegment, isLive: (_ pack: Digest, _ size: UInt64) -> Bool
  ) throws {
    let table = IndexTable(segment, isLive: { _, _ in false })
    for row in 0..<table.packCount {
      let pack = try table.pack(at: row)
      table.liveness.set(row, isLive: isLive(pack.name, pack.size))
    }
    insert(table)
    settle()
  }

  func insert(_ table: IndexTable) {
    tables.withLock { $0 = Tables($0.list + [table]) }
  }

  /// Where the chunk lies, or nil when no live pack has it.
  ///
  /// A row that points outside its table is treated as absent: such a table is damaged, and
  /// whoever reads a chunk verifies it, so the worst is a chunk stored twice.
  public func locate(_ id: Digest) -> ChunkLocation? {
    let tables = tables.withLock { $0 }
    return tables.first { table in
      table.location(of: id).flatMap { table.chunkLocation($0) }
    }
  }

  /// Whether a live pack has the chunk.
  public func contains(_ id: Digest) -> Bool {
    let tables = tables.withLock { $0 }
    return tables.first { $0.location(of: id) } != nil
  }

  /// Whether a live pack has the chunk; the caller will rely on that pack.
  package func reuse(_ id: Digest) -> Bool {
    while true {
      let current = tables.withLock { $0 }
      let found: Void? = current.first { table in
        table.location(of: id).map { table.liveness.use($0.pack) }
      }
      // What was noted in a table that has been replaced meanwhile may not have been carried over.
      if found == nil || tables.withLock({ $0 === current }) { return found != nil }
    }
  }

  /// The packs that `reuse` has found chunks in.
  package func reusedPacks() -> Set<Digest> {
    var packs = carriedUse.withLock { $0 }
    for table in list { Self.addUse(of: table, to: &packs) }
    return packs
  }

  private static func addUse(of table: IndexTable, to packs: inout Set<Digest>) {
    table.liveness.forEachUsed { number in
      if let pack = try? table.pack(at: number) { packs.insert(pack.name) }
    }
  }

  /// Whether a live pack that `isKept` admits has the chunk. O(tables), and slower than `contains`.
  package func contains(_ id: Digest, inPackWhere isKept: (Digest) -> Bool) -> Bool {
    list.contains { table in table.hasRow(of: id, inPackWhere: isKept) }
  }

  /// Rows in all tables; a chunk that lies in several packs counts each time.
  public var rowCount: Int { list.reduce(0) { $0 + $1.rowCount } }

  /// How many tables a look-up may have to ask.
  public var tableCount: Int { list.count }

  /// Bytes of the tables, mapped.
  package var cacheByteCount: Int { list.reduce(0) { $0 + $1.byteCount } }

  /// Makes what look-ups have touched not resident; the next ones map it again from the page cache.
  func dropPages() {
    for table in list { table.mapping.dropPages() }
  }

  /// The tables, the longest first.
  package var list: [IndexTable] { tables.withLock { $0.list } }

  /// Merges tables until no tier has too many. One thread at a time does; others go on at once.
  ///
  /// - Parameter rowLimit: rows of the largest merge.
  /// - Returns: tables that turned out to be damaged: still asked, but their files are gone.
  @discardableResult
  package func settle(rowLimit: Int = .max) -> [IndexTable] {
    guard
      isMerging.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else { return [] }
    defer { isMerging.store(false, ordering: .releasing) }
    var damaged: [IndexTable] = []
    while let inputs = nextMerge(rowLimit) {
      do {
        let merged = try runs.merge(inputs)
        replace(inputs, with: [merged])
      } catch let error as DamagedTable {
        error.table.isSound.store(false, ordering: .relaxed)
        if runs.keeps, let path = error.table.path { unlink(path) }
        damaged.append(error.table)
      } catch {
        // A cache that cannot be written is slower, not wrong.
        break
      }
    }
    return damaged
  }

  private func nextMerge(_ rowLimit: Int) -> [IndexTable]? {
    let sound = list.filter { $0.isSound.load(ordering: .relaxed) }
    // What is in memory only, such as a dry run's segments, is kept apart from what has files.
    let groups =
      runs.keeps ? [sound.filter { $0.path != nil }, sound.filter { $0.path == nil }] : [sound]
    for group in groups {
      if let next = RunTiers.next(group.map(\.rowCount), limit: rowLimit) {
        return next.map { group[$0] }
      }
      if let wasteful = group.first(where: { $0.isWasteful && $0.rowCount <= rowLimit }) {
        return [wasteful]
      }
    }
    return nil
  }

  func replace(_ old: [IndexTable], with new: [IndexTable]) {
    let names = Set(old.map(ObjectIdentifier.init))
    tables.withLock { tables in
      tables = Tables(tables.list.filter { !names.contains(ObjectIdentifier($0)) } + new)
    }
    carriedUse.withLock { packs in for table in old { Self.addUse(of: table, to: &packs) } }
  }
}
