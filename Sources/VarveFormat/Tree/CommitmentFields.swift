/// The fields of an entry's body that its leaf in the proof root commits to (docs/format.md,
/// section 9.1). Ranges count from the body's first byte.
public struct CommitmentFields: Equatable, Sendable {
  public enum Content: Equatable, Sendable {
    /// The field is the size as u64, then the file digest: all zero when the size is 0, and the chunk's
    /// address when the file is exactly one chunk.
    case file(size: UInt64, digest: Digest)
    /// The field is the target.
    case link(Range<Int>)
    /// The field is the numbers as two u32.
    case device(major: UInt32, minor: UInt32)
    /// The field is empty.
    case none
    /// There is no field: the leaf has the count and the proof root themselves.
    case directory(entryCount: UInt64, proofRoot: Digest)
  }

  /// The name without its length.
  public let name: Range<Int>
  /// `meta` as it is encoded.
  public let meta: Range<Int>
  public let content: Content

  public init(name: Range<Int>, meta: Range<Int>, content: Content) {
    self.name = name
    self.meta = meta
    self.content = content
  }

  /// Finds the fields of an encoded body; allocates nothing.
  ///
  /// - Throws: `.damaged` when the body is not canonical.
  public init(body: UnsafeRawBufferPointer) throws {
    var parser = try TreeEntryParser(body)
    try parser.skipExtendedAttributes()
    let head = parser.head
    let content: Content
    switch head.type {
    case .file:
      let file = try parser.file(
        chunk: { _ in }, list: { _ in }, hole: { _ in })
      content = .file(size: file.size, digest: file.digest)
    case .directory:
      let directory = try parser.directory()
      content = .directory(entryCount: directory.entryCount, proofRoot: directory.proofRoot)
    case .link:
      let target = try parser.linkTarget()
      content = .link(body.count - target.count..<body.count)
    case .characterDevice, .blockDevice:
      let (major, minor) = try parser.device()
      content = .device(major: major, minor: minor)
    case .fifo:
      content = .none
    }
    try parser.requireEnd()
    self.init(name: parser.nameRange, meta: parser.metaRange, content: content)
  }
}
