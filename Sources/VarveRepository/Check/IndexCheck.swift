import Glibc
internal import VarveFormat
internal import VarveStorage

/// The index as a check sees it: only segments that are right.
struct CheckedIndex {
  /// One live segment.
  struct Segment {
    let name: String
    let mapped: MappedSegment
    /// By pack row: how many rows lie in the pack.
    let rowCounts: [Int]
  }

  let index: ChunkIndex
  var segments: [Segment] = []
  /// Where a pack is listed: the segment and the pack's row in it.
  var places: [Digest: [(segment: Int, row: Int)]] = [:]
  /// Whether no segment is lost.
  var isComplete: Bool

  /// Whether a segment says of the pack in one of its rows what the pack's trailer says: the same blocks, and exactly
  /// its chunks.
  func agrees(segment number: Int, row: Int, with trailer: PackTrailer) throws -> Bool {
    let segment = segments[number]
    let view = segment.mapped.view
    let lengths = try view.blocks(ofPack: row).map { try view.block(at: $0).storedLength }
    // An address has one row in a segment. Those that lie elsewhere are counted there; those that
    // lie here must be as many as the segment has rows for this pack.
    var here = 0
    for (ordinal, block) in trailer.blocks.enumerated() {
      for (slot, entry) in trailer.slots[block.slots].enumerated() {
        guard let location = view.lookup(entry.address) else { return false }
        let place = IndexLocation(pack: UInt32(row), block: UInt16(ordinal), slot: UInt16(slot))
        if location == place { here += 1 }
      }
    }
    return here == segment.rowCounts[row] && lengths == trailer.blocks.map(\.storedLength)
  }
}

/// Decrypts every live segment from storage, validates it, and compares the local cache's copy with it.
struct IndexCheck {
  let session: CheckSession
  let cipher: SegmentCipher
  let cache: SegmentCache

  func run(_ objects: CheckedObjects) throws -> CheckedIndex {
    // Runs of what is verified here, without names: the cache's own are not to be trusted yet.
    let runs = RunDirectory(path: cache.directory, keeps: false)
    var checked = CheckedIndex(
      index: ChunkIndex(runs: runs), isComplete: objects.hasAllSegments)
    for segment in objects.segments {
      try session.cancellation.check()
      guard let name = ObjectName.digest(of: segment.name) else { continue }
      do {
        let mapped = try verified(name, size: segment.size)
        try mapped.view.validate()
        try add(mapped, segment.name, objects, to: &checked)
      } catch {
        try session.add(segment.name, try explained(error, name, segment))
        checked.isComplete = false
      }
    }
    let damaged = RunDirectory(path: cache.directory).removeDamaged()
    if damaged > 0 {
      session.addNotChecked(
        "runs in the local cache that had changed, which were deleted: \(damaged)")
    }
    if checked.isComplete {
      for pack in objects.packs.keys.sorted() where checked.places[pack] == nil {
        session.add(
          CheckReport.Damage(
            object: ObjectName.pack(pack), kind: .damaged, message: "no index segment lists it"))
      }
    }
    return checked
  }

  /// The segment as storage has it; a cached copy that differs is replaced.
  private func verified(_ name: Digest, size: UInt64) throws -> MappedSegment {
    guard let cached = cache.cached(name) else {
      return try cache.segment(name, size: size, keeps: false)
    }
    var offset = 0
    var isSame = true
    try cipher.open(name, size: size, from: session.storage) { total, bytes in
      let copy = cached.bytes
      isSame = isSame && total == UInt64(copy.count) && copy.count - offset >= bytes.count
      guard isSame else { return }
      isSame = memcmp(copy.baseAddress! + offset, bytes.baseAddress!, bytes.count) == 0
      offset += bytes.count
    }
    if isSame { return cached }
    cache.remove(name)
    session.addNotChecked(
      "the local cache's copy of \(ObjectName.index(name)), which differed and was replaced")
    return try cache.segment(name, size: size)
  }

  private func add(
    _ mapped: MappedSegment, _ name: String, _ objects: CheckedObjects,
    to checked: inout CheckedIndex
  ) throws {
    let view = mapped.view
    var counts = [Int](repeating: 0, count: view.packCount)
    for index in 0..<view.rowCount { counts[Int(view.row(at: index).location.pack)] += 1 }
    for row in 0..<view.packCount {
      let pack = try view.pack(at: row)
      guard let size = objects.packs[pack.name] else { continue }
      guard size == pack.size else {
        throw VarveError(
          .damaged,
          "it says that \(ObjectName.pack(pack.name)) has \(pack.size) bytes, the log \(size)")
      }
      checked.places[pack.name, default: []].append((checked.segments.count, row))
    }
    try checked.index.add(mapped) { objects.packs[$0] == $1 }
    checked.segments.append(
      CheckedIndex.Segment(name: name, mapped: mapped, rowCounts: counts))
  }

  /// The header of a segment is read before anything authenticates it: a version that is not known is
  /// damage unless the object has its digest.
  private func explained(
    _ error: any Error, _ name: Digest, _ segment: ObjectReference
  ) throws -> any Error {
    guard let error = error as? VarveError, error.code == .unsupportedFormat else { return error }
    let buffer = try ReusableBuffer(capacity: ObjectHash.windowByteCount)
    let found = try ObjectHash.digest(
      segment.name, size: segment.size, from: session.storage, buffer
    ) { _ in try session.cancellation.check() }
    return found == name ? error : VarveError(.damaged, "its bytes do not have that digest")
  }
}
