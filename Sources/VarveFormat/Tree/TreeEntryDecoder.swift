extension TreeEntry {
  /// Decodes an entry's body, checking every rule of section 9.
  ///
  /// - Parameter body: without its length prefix; nothing of it is kept.
  /// - Throws: `.damaged` naming what is wrong. O(n).
  public init(body: UnsafeRawBufferPointer) throws {
    var parser = try TreeEntryParser(body)
    var attributes: [ExtendedAttribute] = []
    try parser.extendedAttributes { name, value in
      attributes.append(ExtendedAttribute(name: Array(name), value: Array(value)))
    }
    let head = parser.head
    let content: Content
    switch head.type {
    case .file: content = .file(try TreeEntry.file(&parser))
    case .directory: content = .directory(try parser.directory())
    case .link: content = .link(Array(try parser.linkTarget()))
    case .characterDevice, .blockDevice:
      let (major, minor) = try parser.device()
      content = .device(major: major, minor: minor)
    case .fifo: content = .none
    }
    try parser.requireEnd()
    self.init(
      name: Array(head.name), attributes: head.attributes, user: head.user.map { Array($0) },
      group: head.group.map { Array($0) }, extendedAttributes: attributes, content: content)
  }

  private static func file(_ parser: inout TreeEntryParser) throws -> FileContent {
    var chunks: [ChunkReference] = []
    var lists: [ChunkListReference] = []
    var holes: [Hole] = []
    let (size, digest) = try parser.file(
      chunk: { chunks.append($0) }, list: { lists.append($0) }, hole: { holes.append($0) })
    return FileContent(
      size: size, form: lists.isEmpty ? .chunks(chunks) : .lists(lists), holes: holes,
      digest: digest)
  }
}
