/// Writes the bodies of entries (docs/format.md, section 9).
///
/// The backup's way through it allocates nothing: names, targets and lists are borrowed, and the writer
/// grows once. What it returns is where the committed fields lie (section 9.1).
public enum TreeEntryEncoder {
  /// What an entry has beyond its attributes, borrowed for the call.
  public enum Content {
    /// - `digest`: SHA-256 of the whole file. It is stored unless the size is 0 or the file is exactly
    ///   one chunk without holes, whose address it must then be.
    case file(
      size: UInt64, form: Form, holes: UnsafeBufferPointer<Hole>, digest: Digest)
    case directory(DirectoryContent)
    case link(target: UnsafeRawBufferPointer)
    case device(major: UInt32, minor: UInt32)
    case none
  }

  public enum Form {
    /// At most 32 chunks.
    case chunks(UnsafeBufferPointer<ChunkReference>)
    /// Chunk-list nodes of more than 32 chunks in all.
    case lists(UnsafeBufferPointer<ChunkListReference>)

    var isOneChunk: Bool {
      if case .chunks(let chunks) = self { chunks.count == 1 } else { false }
    }
  }

  /// Appends a body.
  ///
  /// - Parameters:
  ///   - name: a valid name.
  ///   - user, group: 1 to 256 bytes, or nil where not known.
  ///   - extendedAttributes: in any order, without two of one name.
  ///   - content: agrees with the attributes' type.
  /// - Returns: the committed fields; ranges count from the body's first byte.
  /// - Throws: `.usage` when a field is out of the format's bounds; the writer is then as it was.
  @discardableResult
  public static func append(
    name: UnsafeRawBufferPointer, _ attributes: EntryAttributes,
    user: [UInt8]?, group: [UInt8]?, extendedAttributes: [ExtendedAttribute] = [],
    _ content: Content, to writer: inout ByteWriter
  ) throws -> CommitmentFields {
    let start = writer.bytes.count
    do {
      guard EntryName.isValid(name) else { throw bounds("its name is not allowed") }
      writer.uvarint(name.count)
      writer.raw(name)
      let meta = writer.bytes.count - start
      try append(
        attributes, user, group, extendedAttributes, contentFlags(attributes.type, content),
        to: &writer)
      let metaEnd = writer.bytes.count - start
      let committed = try append(content, start, to: &writer)
      guard writer.bytes.count - start <= TreeLimits.entryByteCount else {
        throw bounds("it takes more than 32 MiB")
      }
      return CommitmentFields(
        name: meta - name.count..<meta, meta: meta..<metaEnd, content: committed)
    } catch {
      writer.bytes.removeSubrange(start...)
      throw error
    }
  }

  /// Appends the body of a decoded entry.
  @discardableResult
  public static func append(
    _ entry: TreeEntry, to writer: inout ByteWriter
  ) throws -> CommitmentFields {
    try entry.name.withUnsafeBytes { name in
      try withBorrowed(entry.content) { content in
        try append(
          name: name, entry.attributes, user: entry.user, group: entry.group,
          extendedAttributes: entry.extendedAttributes, content, to: &writer)
      }
    }
  }

  private static func withBorrowed<Result>(
    _ content: TreeEntry.Content, _ body: (Content) throws -> Result
  ) throws -> Result {
    switch content {
    case .file(let file):
      try file.holes.withUnsafeBufferPointer { holes in
        switch file.form {
        case .chunks(let chunks):
          try chunks.withUnsafeBufferPointer {
            try body(.file(size: file.size, form: .chunks($0), holes: holes, digest: file.digest))
          }
        case .lists(let lists):
          try lists.withUnsafeBufferPointer {
            try body(.file(size: file.size, form: .lists($0), holes: holes, digest: file.digest))
          }
        }
      }
    case .directory(let directory): try body(.directory(directory))
    case .link(let target): try target.withUnsafeBytes { try body(.link(target: $0)) }
    case .device(let major, let minor): try body(.device(major: major, minor: minor))
    case .none: try body(.none)
    }
  }

  /// The flags that the content sets; also checks that it is of the right type.
  private static func contentFlags(_ type: EntryType, _ content: Content) throws -> TreeFlags {
    switch (type, content) {
    case (.file, .file(let size, let form, let holes, _)):
      var flags: TreeFlags = []
      if size > 0, !holes.isEmpty { flags.insert(.holes) }
      if size > 0, !form.isOneChunk || !holes.isEmpty { flags.insert(.fileDigest) }
      return flags
    case (.directory, .directory), (.link, .link), (.characterDevice, .device),
      (.blockDevice, .device), (.fifo, .none):
      return []
    default:
      throw bounds("its content is not of its type")
    }
  }

  private static func append(
    _ attributes: EntryAttributes, _ user: [UInt8]?, _ group: [UInt8]?,
    _ extended: [ExtendedAttribute], _ contentFlags: TreeFlags, to writer: inout ByteWriter
  ) throws {
    guard attributes.mode <= 0o7777 else { throw bounds("its mode") }
    var flags = contentFlags
    if user != nil { flags.insert(.user) }
    if group != nil { flags.insert(.group) }
    if attributes.accessed != nil { flags.insert(.accessTime) }
    if attributes.inodeFlags != 0 { flags.insert(.inodeFlags) }
    if !extended.isEmpty { flags.insert(.extendedAttributes) }
    if attributes.isHardLinked { flags.insert(.hardLinked) }
    guard flags.isSubset(of: TreeFlags.allowed(for: attributes.type)) else {
      throw bounds("a directory cannot be hard-linked")
    }
    writer.u8(attributes.type.rawValue)
    writer.uvarint(flags.rawValue)
    writer.uvarint(UInt64(attributes.mode))
    writer.uvarint(UInt64(attributes.uid))
    writer.uvarint(UInt64(attributes.gid))
    if let user { try append(account: user, to: &writer) }
    if let group { try append(account: group, to: &writer) }
    try append(attributes.modified, to: &writer)
    if let accessed = attributes.accessed { try append(accessed, to: &writer) }
    if attributes.inodeFlags != 0 { writer.uvarint(UInt64(attributes.inodeFlags)) }
    if !extended.isEmpty { try append(extended, to: &writer) }
  }

  private static func append(account name: [UInt8], to writer: inout ByteWriter) throws {
    guard (1...TreeLimits.accountByteCount).contains(name.count) else {
      throw bounds("a user or group name of \(name.count) bytes")
    }
    writer.lengthPrefixed(name)
  }

  private static func append(_ time: FileTime, to writer: inout ByteWriter) throws {
    guard time.nanoseconds < 1_000_000_000 else { throw bounds("a time's nanoseconds") }
    writer.svarint(time.seconds)
    writer.uvarint(UInt64(time.nanoseconds))
  }

  private static func append(
    _ attributes: [ExtendedAttribute], to writer: inout ByteWriter
  ) throws {
    guard attributes.count <= TreeLimits.extendedAttributes else {
      throw bounds("\(attributes.count) extended attributes")
    }
    let sorted = attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    writer.uvarint(sorted.count)
    for (index, attribute) in sorted.enumerated() {
      guard
        (1...TreeLimits.extendedAttributeNameByteCount).contains(attribute.name.count),
        !attribute.name.contains(0),
        attribute.value.count <= TreeLimits.extendedAttributeValueByteCount,
        index == 0 || sorted[index - 1].name != attribute.name
      else { throw bounds("an extended attribute") }
      writer.lengthPrefixed(attribute.name)
      writer.lengthPrefixed(attribute.value)
    }
  }

  static func bounds(_ what: String) -> VarveError {
    VarveError(.usage, "a tree entry cannot be stored: \(what)")
  }
}
