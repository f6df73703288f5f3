/// Writes a directory's entries as one node, or as parts and a node that lists them (docs/format.md,
/// section 9). The same entries always give the same nodes.
///
/// At most 256 KiB of entries are held until it is known that the directory is a huge one, from then on
/// at most one part (512 KiB and an entry): a directory of 10^6 entries costs its list of parts besides,
/// some 800 of them. Entries lie in one buffer behind 16 bytes of room, in which the header of the node
/// is written before it is stored, so that nothing is copied; of several parts, a header overwrites the
/// end of the part before, which has been stored by then.
public struct TreeNodeWriter {
  /// Stores a node as a chunk and returns its address.
  public typealias Store = (UnsafeRawBufferPointer) throws -> Digest

  private static let room = 16

  private struct Part {
    var firstName: [UInt8]
    var range: Range<Int>
    var entryCount: UInt64
  }

  private var buffer = ByteWriter()
  private var boundary = PartBoundary()
  /// Parts that ended while it was not known whether the directory will be split.
  private var pending: [Part] = []
  /// The part that entries are being added to.
  private var open = Part(firstName: [], range: room..<room, entryCount: 0)
  private var list = ByteWriter()
  private var listed = 0
  private var lastName: [UInt8] = []
  private var isSplit = false

  public private(set) var entryCount: UInt64 = 0

  public init() { reset() }

  /// Makes the writer as new, keeping its memory.
  public mutating func reset() {
    buffer.bytes.removeAll(keepingCapacity: true)
    for _ in 0..<TreeNodeWriter.room { buffer.u8(0) }
    boundary = PartBoundary()
    pending.removeAll(keepingCapacity: true)
    open = Part(firstName: [], range: TreeNodeWriter.room..<TreeNodeWriter.room, entryCount: 0)
    list.bytes.removeAll(keepingCapacity: true)
    listed = 0
    lastName.removeAll(keepingCapacity: true)
    isSplit = false
    entryCount = 0
  }

  /// Adds the next entry.
  ///
  /// - Parameters:
  ///   - body: an encoded body; its name comes after the last one's.
  ///   - store: called for each part that is complete.
  /// - Throws: `.usage` when names do not ascend, `.damaged` when the body has no name, or what `store`
  ///   throws; the writer must then be reset.
  public mutating func append(_ body: UnsafeRawBufferPointer, store: Store) throws {
    var reader = ByteReader(body, "tree entry")
    let name = try reader.lengthPrefixed(limit: TreeLimits.nameByteCount)
    let ascends = lastName.withUnsafeBytes { $0.isEmpty || EntryName.precedes($0, name) }
    guard ascends, body.count <= TreeLimits.entryByteCount else {
      throw TreeEntryEncoder.bounds("it does not come after the one before it")
    }
    lastName.removeAll(keepingCapacity: true)
    lastName.append(contentsOf: name)

    if open.entryCount == 0 { open.firstName = Array(name) }
    buffer.uvarint(body.count)
    buffer.raw(body)
    open.entryCount += 1
    entryCount += 1
    open.range = open.range.lowerBound..<buffer.bytes.count
    if boundary.endsAfter(name, PartBoundary.entryByteCount(body: body.count)) {
      pending.append(open)
      open = Part(firstName: [], range: buffer.bytes.count..<buffer.bytes.count, entryCount: 0)
    }
    if !isSplit, buffer.bytes.count - TreeNodeWriter.room > PartBoundary.splitByteCount {
      isSplit = true
    }
    if isSplit, !pending.isEmpty { try storePending(store) }
  }

  /// Stores what is left and the directory's own node.
  ///
  /// - Returns: the directory's node and its number of entries; the writer is then reset.
  public mutating func finish(store: Store) throws -> (id: Digest, entryCount: UInt64) {
    defer { reset() }
    let id: Digest
    if isSplit {
      if open.entryCount > 0 {
        pending.append(open)
        try storePending(store)
      }
      id = try storeList(store)
    } else {
      let all = Part(
        firstName: [], range: TreeNodeWriter.room..<buffer.bytes.count, entryCount: entryCount)
      id = try storeEntries(all, store)
    }
    return (id, entryCount)
  }

  private mutating func storePending(_ store: Store) throws {
    for part in pending {
      let id = try storeEntries(part, store)
      list.lengthPrefixed(part.firstName)
      list.digest(id)
      list.uvarint(part.entryCount)
      listed += 1
    }
    pending.removeAll(keepingCapacity: true)
    buffer.bytes.removeSubrange(TreeNodeWriter.room..<open.range.lowerBound)
    open.range = TreeNodeWriter.room..<buffer.bytes.count
  }

  private mutating func storeEntries(_ part: Part, _ store: Store) throws -> Digest {
    var header = ByteWriter(reservingCapacity: TreeNodeWriter.room)
    header.u8(TreeNodeReader.version)
    header.u8(TreeNodeReader.Kind.entries.rawValue)
    header.uvarint(part.entryCount)
    let start = part.range.lowerBound - header.bytes.count
    for (index, byte) in header.bytes.enumerated() { buffer.bytes[start + index] = byte }
    return try buffer.bytes.withUnsafeBytes {
      try store(UnsafeRawBufferPointer(rebasing: $0[start..<part.range.upperBound]))
    }
  }

  private func storeList(_ store: Store) throws -> Digest {
    var node = ByteWriter(reservingCapacity: list.bytes.count + 22)
    node.u8(TreeNodeReader.version)
    node.u8(TreeNodeReader.Kind.parts.rawValue)
    node.uvarint(entryCount)
    node.uvarint(listed)
    node.raw(list.bytes)
    guard node.bytes.count <= TreeLimits.nodeByteCount else {
      throw TreeEntryEncoder.bounds("its directory has too many entries")
    }
    return try node.bytes.withUnsafeBytes(store)
  }
}
