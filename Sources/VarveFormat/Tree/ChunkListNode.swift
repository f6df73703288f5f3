/// A node that lists chunks of a file too long to list them in its entry (docs/format.md, section 9).
///
/// ```
/// chunks(2) := count:uvarint ( address:digest length:uvarint )*
/// ```
/// A node ends after a chunk whose address's last two bytes, read as a big-endian u16, are 0 modulo
/// 1,024, or with its 4,096th chunk: a change in a file of 10^7 chunks rewrites one list, not all.
public struct ChunkListNode: Equatable, Sendable {
  public let chunks: [ChunkReference]

  public init(chunks: [ChunkReference]) { self.chunks = chunks }

  /// Bytes of file content that the chunks make.
  public var byteCount: UInt64 { chunks.reduce(0) { $0 + UInt64($1.length) } }

  /// Whether a list ends after a chunk with this address.
  static func endsAfter(_ address: Digest, count: Int) -> Bool {
    address.lowBits16 & 0x3ff == 0 || count == TreeLimits.chunksPerList
  }

  public func encode() -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: 5 + chunks.count * 36)
    writer.u8(TreeNodeReader.version)
    writer.u8(TreeNodeReader.Kind.chunks.rawValue)
    writer.uvarint(chunks.count)
    for chunk in chunks {
      writer.digest(chunk.address)
      writer.uvarint(UInt64(chunk.length))
    }
    return writer.bytes
  }

  /// Reads a node and checks that its list could not have ended earlier.
  ///
  /// - Throws: `.damaged`, also for a node of another kind; `.unsupportedFormat` for an unknown version.
  public init(decoding node: UnsafeRawBufferPointer) throws {
    var reader = ByteReader(node, "chunk list")
    guard try TreeNodeReader.open(&reader) == .chunks else {
      throw reader.fail("another node in place of a chunk list")
    }
    let count = try reader.count(limit: TreeLimits.chunksPerList)
    guard count > 0 else { throw reader.fail("it is empty") }
    var chunks: [ChunkReference] = []
    chunks.reserveCapacity(min(count, reader.remaining / 33))
    for index in 1...count {
      let chunk = try reader.chunkReference()
      guard index == count || !ChunkListNode.endsAfter(chunk.address, count: index) else {
        throw reader.fail("it should end after chunk \(index)")
      }
      chunks.append(chunk)
    }
    try reader.requireEnd()
    self.chunks = chunks
  }

  /// Reads the node that `reference` names, which must have its count and bytes; unless it is the last
  /// of the file, it must end where the rule says.
  ///
  /// - Throws: as `init(decoding:)`.
  public init(
    decoding node: UnsafeRawBufferPointer, as reference: ChunkListReference, isLast: Bool
  ) throws {
    try self.init(decoding: node)
    guard chunks.count == Int(reference.chunks), byteCount == reference.byteCount,
      isLast || ChunkListNode.endsAfter(chunks[chunks.count - 1].address, count: chunks.count)
    else { throw VarveError(.damaged, "chunk list is damaged: it is not what its file says") }
  }
}

extension Digest {
  /// The last two bytes as a big-endian number.
  var lowBits16: UInt16 { UInt16(truncatingIfNeeded: w3) }
}
