/// Reads the encoding of one directory or of a part of one (docs/format.md, section 9).
///
/// ```
/// node       := version:u8(1) kind:u8 ...
/// entries(0) := count:uvarint entry*
/// parts(1)   := entry-count:uvarint part-count:uvarint
///               ( first-name:string id:digest entries:uvarint )*
/// ```
/// Entries are handed out undecoded and borrowed: who only needs names, or only one entry, pays for no
/// more. The reader checks names and their order; `RawTreeEntry.decode` checks all the rest.
public struct TreeNodeReader {
  public enum Kind: UInt8, Hashable, Sendable {
    case entries = 0
    case parts = 1
    case chunks = 2
  }

  static let version: UInt8 = 1

  public let kind: Kind
  /// Entries of the whole directory: in this node, or in all its parts.
  public let entryCount: UInt64
  /// Parts that the node lists; 0 unless it is of that kind.
  public let partCount: Int

  private var reader: ByteReader
  private var left: Int
  private var entriesInParts: UInt64 = 0
  private var previous = UnsafeRawBufferPointer(start: nil, count: 0)

  /// - Parameter node: the whole chunk; borrowed as long as the reader and what it hands out are used.
  /// - Throws: `.damaged`, also for a chunk-list node; `.unsupportedFormat` for an unknown version.
  public init(_ node: UnsafeRawBufferPointer) throws {
    var reader = ByteReader(node, "tree node")
    kind = try TreeNodeReader.open(&reader)
    switch kind {
    case .entries:
      left = try reader.count(limit: node.count)
      entryCount = UInt64(left)
      partCount = 0
    case .parts:
      entryCount = try reader.uvarint()
      partCount = try reader.count(limit: node.count)
      guard partCount > 0 else { throw reader.fail("it has no parts") }
      left = partCount
    case .chunks:
      throw reader.fail("a chunk list in place of a directory")
    }
    self.reader = reader
    if left == 0 { try reader.requireEnd() }
  }

  /// Reads what all nodes begin with.
  static func open(_ reader: inout ByteReader) throws -> Kind {
    guard reader.bytes.count <= TreeLimits.nodeByteCount else {
      throw reader.fail("it is too long")
    }
    let version = try reader.u8()
    guard version == TreeNodeReader.version else {
      throw VarveError.newerFormat("a tree node has version \(version)")
    }
    guard let kind = Kind(rawValue: try reader.u8()) else {
      throw reader.fail("an unknown kind")
    }
    return kind
  }

  /// The next entry, or nil after the last; always nil for a node that lists parts.
  ///
  /// - Throws: `.damaged` when a name is not allowed or not greater than the one before.
  public mutating func nextEntry() throws -> RawTreeEntry? {
    guard kind == .entries, left > 0 else { return nil }
    let body = try reader.lengthPrefixed(limit: TreeLimits.entryByteCount)
    var field = ByteReader(body, "tree entry")
    let name = try field.lengthPrefixed(limit: TreeLimits.nameByteCount)
    try take(name)
    return RawTreeEntry(name: name, body: body)
  }

  /// The next part, or nil after the last; always nil for a node that lists entries.
  ///
  /// - Throws: `.damaged` when the parts do not ascend or do not make the directory's count.
  public mutating func nextPart() throws -> TreePart? {
    guard kind == .parts, left > 0 else { return nil }
    let name = try reader.lengthPrefixed(limit: TreeLimits.nameByteCount)
    let id = try reader.digest()
    let entries = try reader.uvarint()
    let (sum, overflow) = entriesInParts.addingReportingOverflow(entries)
    guard entries > 0, !overflow, sum <= entryCount else { throw reader.fail("a part's count") }
    entriesInParts = sum
    try take(name)
    guard left > 0 || sum == entryCount else { throw reader.fail("its entries are not its parts'") }
    return TreePart(firstName: name, id: id, entryCount: entries)
  }

  private mutating func take(_ name: UnsafeRawBufferPointer) throws {
    guard EntryName.isValid(name) else { throw reader.fail("a name is not allowed") }
    guard previous.isEmpty || EntryName.precedes(previous, name) else {
      throw reader.fail("its names do not ascend")
    }
    previous = name
    left -= 1
    if left == 0 { try reader.requireEnd() }
  }
}

/// An entry as it lies in its node, borrowed.
public struct RawTreeEntry {
  public let name: UnsafeRawBufferPointer
  /// The whole body, the name included: what `CommitmentFields` and proof roots take.
  public let body: UnsafeRawBufferPointer

  /// - Throws: `.damaged` when any rule of section 9 is broken.
  public func decode() throws -> TreeEntry { try TreeEntry(body: body) }
}

/// A part of a huge directory, as its node lists it; the name is borrowed.
public struct TreePart {
  public let firstName: UnsafeRawBufferPointer
  public let id: Digest
  public let entryCount: UInt64
}
