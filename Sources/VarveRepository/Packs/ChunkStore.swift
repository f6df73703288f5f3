package import Synchronization
internal import VarveCrypto
package import VarveFormat
package import VarveStorage

/// The writing side of a repository for one session: decides which chunks are new, packs them, and
/// makes the index segments that find them again. Shared by all threads of the session.
///
/// Invariant I1 in code: a segment is built only from packs that `StorageBackend.put` has made durable, and
/// the log entry only from what `finish` returns.
package final class ChunkStore: Sendable {
  /// Rows after which a segment is written in the middle of a session: 40 bytes each, 21 MB, while they
  /// gather, and 45 MB while the segment is made and sealed.
  static let rowLimit = 1 << 19

  private struct Pending {
    var rows = IndexSegmentBuilder()
    /// Durable, and not yet named by a log entry.
    var objects: [ObjectReference] = []
    /// Everything that the session has stored.
    var all: Set<String> = []

    mutating func add(_ object: ObjectReference) {
      objects.append(object)
      all.insert(object.name)
    }

    mutating func takeObjects() -> [ObjectReference] {
      defer { objects = [] }
      return objects
    }

    mutating func takeRows() -> IndexSegmentBuilder {
      defer { rows = IndexSegmentBuilder() }
      return rows
    }
  }

  private let index: ChunkIndex
  private let storage: any StorageBackend
  private let segments: SegmentCipher
  private let cache: SegmentCache
  private let level: CompressionLevel
  private let claims: ClaimSet
  private let pending: Arc<Mutex<Pending>>
  private let dataPacks: PackWriter
  private let treePacks: PackWriter
  private let marker: SessionMarker
  private let journal: UploadJournal?

  /// Chunks and bytes that were new, by pack type.
  package let counters: Counters

  package final class Counters: Sendable {
    package let dataChunks = Atomic<UInt64>(0)
    package let dataBytes = Atomic<UInt64>(0)
    package let treeChunks = Atomic<UInt64>(0)
    package let treeBytes = Atomic<UInt64>(0)
    /// Bytes of all objects stored.
    package let storedBytes = Atomic<UInt64>(0)
    init() {}

    /// Chunks of both types.
    package var chunks: UInt64 {
      dataChunks.load(ordering: .relaxed) + treeChunks.load(ordering: .relaxed)
    }
  }

  package init(
    index: ChunkIndex, storage: any StorageBackend, recipient: PackRecipient,
    segments: SegmentCipher, cache: SegmentCache, packSize: Int, level: CompressionLevel,
    verifies: Bool, journal: UploadJournal? = nil
  ) {
    self.index = index
    // Clearing a stripe looks at a stretch of each table; after all stripes, the whole index would be resident.
    claims = ClaimSet(isStored: { index.contains($0) }, cleared: index.dropPages)
    self.storage = storage
    self.segments = segments
    self.cache = cache
    self.level = level
    let counters = Counters()
    let pending = Arc(Mutex(Pending()))
    self.counters = counters
    self.pending = pending
    let marker = SessionMarker(storage)
    self.marker = marker
    self.journal = journal
    let onStored: @Sendable (StoredPack) throws -> Void = { pack in
      counters.storedBytes.add(pack.size, ordering: .relaxed)
      journal?.add(pack)
      let full = pending.value.withLock { pending -> IndexSegmentBuilder? in
        pending.add(ObjectReference(name: ObjectName.pack(pack.name), size: pack.size))
        pending.rows.add(
          IndexPack(name: pack.name, size: pack.size, type: pack.type), pack.contents)
        return pending.rows.rowCount >= Self.rowLimit ? pending.takeRows() : nil
      }
      if let full {
        try Self.writeSegment(
          of: full, segments: segments, cache: cache, storage: storage, index: index,
          counters: counters, pending: pending)
      }
    }
    let uploads = UploadQueue(storage)
    dataPacks = PackWriter(
      type: .data, recipient: recipient, storage: storage, uploads: uploads, packSize: packSize,
      verifies: verifies, willStore: marker.beat, onStored: onStored)
    treePacks = PackWriter(
      type: .tree, recipient: recipient, storage: storage, uploads: uploads, packSize: packSize,
      verifies: verifies, willStore: marker.beat, onStored: onStored)
  }

  /// Says that nothing this session has stored is on its way into the log any more.
  package func end() { marker.remove() }

  /// What one thread needs to store chunks.
  package func makeWriter() throws -> ChunkWriter {
    let sealer = try PackSealer()
    let compressor = try BlockCompressor(level: level)
    return ChunkWriter(
      store: self, sealer: sealer,
      data: try BlockAssembler(packs: dataPacks, sealer: sealer, compressor: compressor),
      tree: try BlockAssembler(packs: treePacks, sealer: sealer, compressor: compressor))
  }

  /// Whether the caller must store the chunk: it is in no live pack and nobody else in this session has it.
  func claim(_ id: Digest) -> Bool { !index.reuse(id) && claims.claim(id) }

  /// Whether a live pack has the chunk, on which the session will rely.
  package func has(_ id: Digest) -> Bool { index.reuse(id) }

  func packs(of type: PackType) -> PackWriter { type == .data ? dataPacks : treePacks }

  /// Whether something that this session relies on, or has stored, was condemned or lost by an entry from `size` on.
  ///
  /// - Parameters:
  ///   - size: of the log when the index was opened.
  ///   - record: the name of a snapshot record that the session has stored, too.
  /// - Throws: `.missing` or `.damaged` naming an inventory.
  package func isInvalid(
    in state: LogState, since size: UInt64, record: String
  ) throws -> Bool {
    let names = try state.namesOfCondemned(since: size, storage: storage)
    guard !names.isEmpty else { return false }
    let stored = pending.value.withLock { $0.all }
    return !names.isDisjoint(with: stored) || names.contains(record)
      || index.reusedPacks().contains { names.contains(ObjectName.pack($0)) }
  }

  /// Takes packs for this session's that an earlier one has stored: the next entry names them, too.
  ///
  /// - Throws: what storing their index throws.
  func adopt(_ packs: [StoredPack]) throws {
    guard !packs.isEmpty else { return }
    try marker.beat()
    var rows = IndexSegmentBuilder()
    for pack in packs {
      rows.add(IndexPack(name: pack.name, size: pack.size, type: pack.type), pack.contents)
      pending.value.withLock {
        $0.add(ObjectReference(name: ObjectName.pack(pack.name), size: pack.size))
      }
      journal?.add(pack)
    }
    try write(segment: rows)
  }

  /// Writes a segment of rows that are not this session's own.
  func write(segment rows: consuming IndexSegmentBuilder) throws {
    try Self.writeSegment(
      of: rows, segments: segments, cache: cache, storage: storage, index: index,
      counters: counters, pending: pending)
  }

  /// Stores what is still open, and the index of everything not yet indexed: at the end of a session, and before
  /// each commit in the middle of it. The session may go on afterwards, in new packs.
  ///
  /// Every writer must have been flushed, and no thread may be adding chunks.
  /// - Returns: the objects that were stored since the last call, in the order of their names. The caller
  ///   has them named by a log entry, or gives them back.
  package func finish(by writer: ChunkWriter) throws -> [ObjectReference] {
    try dataPacks.finish(by: writer.sealer)
    try treePacks.finish(by: writer.sealer)
    let rest = pending.value.withLock { $0.takeRows() }
    if rest.packCount > 0 {
      try Self.writeSegment(
        of: rest, segments: segments, cache: cache, storage: storage, index: index,
        counters: counters, pending: pending)
    }
    return pending.value.withLock { $0.takeObjects() }.sorted()
  }

  /// Takes back what `finish` returned, for the next call to return: no log entry came to name it.
  package func giveBack(_ objects: [ObjectReference]) {
    pending.value.withLock { $0.objects += objects }
  }

  /// Deletes what `finish` has not returned, once the session has failed; stops where something cannot be deleted. What is
  /// left is an orphan.
  func discard() {
    for object in pending.value.withLock({ $0.takeObjects() }) {
      do { try storage.remove(object.name) } catch { return }
    }
  }

  private static func writeSegment(
    of rows: consuming IndexSegmentBuilder, segments: SegmentCipher, cache: SegmentCache,
    storage: any StorageBackend, index: ChunkIndex, counters: Counters,
    pending: Arc<Mutex<Pending>>
  ) throws {
    let plain = rows.finish()
    try plain.withUnsafeBytes { plain in
      let object = try segments.seal(plain)
      let name = SHA256.digest(object)
      try storage.put(ObjectName.index(name), object)
      counters.storedBytes.add(UInt64(object.count), ordering: .relaxed)
      let stored = ObjectReference(name: ObjectName.index(name), size: UInt64(object.count))
      pending.value.withLock { $0.add(stored) }
      try index.add(try cache.keep(name, plain)) { _, _ in true }
    }
  }
}

/// A reference to something that cannot be copied, so that closures can share it.
package final class Arc<Value: ~Copyable & Sendable>: Sendable {
  package let value: Value
  package init(_ value: consuming Value) { self.value = value }
}
