/// Parses an entry's body once, from front to back, and checks every rule of section 9.
///
/// ```
/// body    := name:string meta content
/// meta    := type:u8 flags:uvarint mode:uvarint uid:uvarint gid:uvarint
///            [user:string] [group:string] mtime-seconds:svarint mtime-nanoseconds:uvarint
///            [atime-seconds:svarint atime-nanoseconds:uvarint] [inode-flags:uvarint]
///            [xattr-count:uvarint (name:string value:string)*]
/// content := file | directory | link | device | (nothing, for a FIFO)
/// ```
/// The caller takes the extended attributes, then the content, then requires the end.
struct TreeEntryParser {
  struct Head {
    let name: UnsafeRawBufferPointer
    let type: EntryType
    let flags: TreeFlags
    let attributes: EntryAttributes
    let user: UnsafeRawBufferPointer?
    let group: UnsafeRawBufferPointer?
  }

  private var reader: ByteReader
  let head: Head
  let nameRange: Range<Int>
  private let metaStart: Int
  private var metaEnd = 0

  init(_ body: UnsafeRawBufferPointer) throws {
    var reader = ByteReader(body, "tree entry")
    guard body.count <= TreeLimits.entryByteCount else { throw reader.fail("it is too long") }
    let name = try reader.lengthPrefixed(limit: TreeLimits.nameByteCount)
    guard EntryName.isValid(name) else { throw reader.fail("its name is not allowed") }
    nameRange = reader.offset - name.count..<reader.offset
    metaStart = reader.offset

    guard let type = EntryType(rawValue: try reader.u8()) else {
      throw reader.fail("an unknown type")
    }
    let flags = TreeFlags(rawValue: try reader.uvarint())
    guard flags.isSubset(of: TreeFlags.allowed(for: type)) else {
      throw reader.fail("a flag that its type cannot have")
    }
    let mode = UInt16(try reader.count(limit: 0o7777))
    let uid = try reader.bounded32()
    let gid = try reader.bounded32()
    let user = flags.contains(.user) ? try TreeEntryParser.account(&reader) : nil
    let group = flags.contains(.group) ? try TreeEntryParser.account(&reader) : nil
    let modified = try TreeEntryParser.time(&reader)
    let accessed = flags.contains(.accessTime) ? try TreeEntryParser.time(&reader) : nil
    let inodeFlags = flags.contains(.inodeFlags) ? try reader.bounded32() : 0
    guard inodeFlags != 0 || !flags.contains(.inodeFlags) else {
      throw reader.fail("inode flags of zero")
    }
    head = Head(
      name: name, type: type, flags: flags,
      attributes: EntryAttributes(
        type: type, mode: mode, uid: uid, gid: gid, modified: modified, accessed: accessed,
        inodeFlags: inodeFlags, isHardLinked: flags.contains(.hardLinked)),
      user: user, group: group)
    self.reader = reader
  }

  /// What §9.1 calls meta; known once the extended attributes have been read.
  var metaRange: Range<Int> { metaStart..<metaEnd }

  mutating func skipExtendedAttributes() throws {
    try extendedAttributes { _, _ in }
  }

  mutating func extendedAttributes(
    _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
  ) throws {
    defer { metaEnd = reader.offset }
    guard head.flags.contains(.extendedAttributes) else { return }
    let count = try reader.count(limit: TreeLimits.extendedAttributes)
    guard count > 0 else { throw reader.fail("no extended attributes") }
    var previous: UnsafeRawBufferPointer?
    for _ in 0..<count {
      let name = try reader.lengthPrefixed(limit: TreeLimits.extendedAttributeNameByteCount)
      guard !name.isEmpty, !name.contains(0) else {
        throw reader.fail("the name of an extended attribute is not allowed")
      }
      if let previous, !EntryName.precedes(previous, name) {
        throw reader.fail("its extended attributes do not ascend")
      }
      previous = name
      body(name, try reader.lengthPrefixed(limit: TreeLimits.extendedAttributeValueByteCount))
    }
  }

  mutating func directory() throws -> DirectoryContent {
    let id = try reader.digest()
    let proofRoot = try reader.digest()
    return DirectoryContent(id: id, proofRoot: proofRoot, entryCount: try reader.uvarint())
  }

  mutating func linkTarget() throws -> UnsafeRawBufferPointer {
    let target = try reader.lengthPrefixed(limit: TreeLimits.linkTargetByteCount)
    guard !target.isEmpty, !target.contains(0) else {
      throw reader.fail("its target is not allowed")
    }
    return target
  }

  mutating func device() throws -> (major: UInt32, minor: UInt32) {
    let major = try reader.bounded32()
    return (major, try reader.bounded32())
  }

  mutating func requireEnd() throws { try reader.requireEnd() }

  /// ```
  /// file := size:uvarint [form]
  /// form := list-kind:uvarint count:uvarint ... [hole-count:uvarint (gap length)*] [file-digest]
  /// ```
  mutating func file(
    chunk: (ChunkReference) -> Void, list: (ChunkListReference) -> Void, hole: (Hole) -> Void
  ) throws -> (size: UInt64, digest: Digest) {
    let size = try reader.uvarint()
    guard size <= TreeLimits.fileByteCount else { throw reader.fail("its size is too large") }
    let hasHoles = head.flags.contains(.holes)
    let hasDigest = head.flags.contains(.fileDigest)
    guard size > 0 else {
      guard !hasHoles, !hasDigest else { throw reader.fail("an empty file with content") }
      return (0, .zero)
    }
    var only: Digest?
    var total: UInt64
    switch try reader.uvarint() {
    case 0: (total, only) = try chunks(chunk)
    case 1: total = try lists(list)
    default: throw reader.fail("an unknown list of chunks")
    }
    if hasHoles {
      only = nil
      let (sum, overflow) = total.addingReportingOverflow(try holes(in: size, hole))
      guard !overflow else { throw reader.fail("its lengths overflow") }
      total = sum
    }
    guard total == size else { throw reader.fail("its chunks and holes do not make its size") }
    guard hasDigest == (only == nil) else {
      throw reader.fail("a file digest is missing or needless")
    }
    return (size, try only ?? reader.digest())
  }

  /// - Returns: bytes of all chunks, and the address when there is exactly one.
  private mutating func chunks(
    _ body: (ChunkReference) -> Void
  ) throws -> (UInt64, Digest?) {
    let count = try reader.count(limit: TreeLimits.inlineChunks)
    var total: UInt64 = 0
    var only: Digest?
    for _ in 0..<count {
      let chunk = try reader.chunkReference()
      total += UInt64(chunk.length)
      only = count == 1 ? chunk.address : nil
      body(chunk)
    }
    return (total, only)
  }

  private mutating func lists(_ body: (ChunkListReference) -> Void) throws -> UInt64 {
    let count = try reader.count(limit: TreeLimits.entryByteCount / 34)
    var chunks = 0
    var total: UInt64 = 0
    for _ in 0..<count {
      let id = try reader.digest()
      let own = try reader.count(limit: TreeLimits.chunksPerList)
      let bytes = try reader.count(limit: own * PackLimits.slotByteCount)
      guard own > 0, bytes >= own else { throw reader.fail("an empty chunk list") }
      chunks += own
      // At most 10^6 lists of 2^38 bytes: far below 2^63.
      total += UInt64(bytes)
      body(ChunkListReference(id: id, chunks: UInt32(own), byteCount: UInt64(bytes)))
    }
    guard chunks > TreeLimits.inlineChunks else {
      throw reader.fail("chunk lists of \(chunks) chunks")
    }
    return total
  }

  /// - Returns: bytes of all holes.
  private mutating func holes(in size: UInt64, _ body: (Hole) -> Void) throws -> UInt64 {
    let count = try reader.count(limit: TreeLimits.entryByteCount / 2)
    guard count > 0 else { throw reader.fail("no holes") }
    var end: UInt64 = 0
    var total: UInt64 = 0
    for index in 0..<count {
      let gap = try reader.uvarint()
      let length = try reader.uvarint()
      guard length > 0, gap > 0 || index == 0 else { throw reader.fail("holes that touch") }
      guard gap <= size - end, length <= size - end - gap else {
        throw reader.fail("a hole behind its end")
      }
      body(Hole(offset: end + gap, length: length))
      end += gap + length
      total += length
    }
    return total
  }

  private static func account(_ reader: inout ByteReader) throws -> UnsafeRawBufferPointer {
    let name = try reader.lengthPrefixed(limit: TreeLimits.accountByteCount)
    guard !name.isEmpty else { throw reader.fail("an empty user or group name") }
    return name
  }

  private static func time(_ reader: inout ByteReader) throws -> FileTime {
    let seconds = try reader.svarint()
    return FileTime(seconds: seconds, nanoseconds: UInt32(try reader.count(limit: 999_999_999)))
  }
}

extension ByteReader {
  mutating func bounded32() throws -> UInt32 { UInt32(try count(limit: Int(UInt32.max))) }

  mutating func chunkReference() throws -> ChunkReference {
    let address = try digest()
    let length = try count(limit: PackLimits.slotByteCount)
    guard length > 0 else { throw fail("an empty chunk") }
    return ChunkReference(address: address, length: UInt32(length))
  }
}
