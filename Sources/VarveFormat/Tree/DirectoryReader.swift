/// Reads a whole directory, whether it is one node or parts (docs/format.md, section 9).
public enum DirectoryReader {
  /// Gives the verified bytes of the node with this id.
  public typealias Fetch = (Digest) throws -> [UInt8]

  /// Calls `body` with each entry of a directory, in order.
  ///
  /// - Parameters:
  ///   - id: the directory's node.
  ///   - entryCount: what the directory's own entry says it has, or nil where that is not known.
  ///   - passOver: called with a part that `fetch` could not give, and its error; when it returns, that part's entries are
  ///     left out. Nil: such an error ends the reading.
  ///   - body: borrows the entry for the call; it may read other directories in the meantime.
  /// - Throws: `.damaged` when a node is not canonical, the parts are not cut where the rule says or do
  ///   not have the entries their list says; and what `fetch` and `body` throw.
  public static func forEachEntry(
    of id: Digest, entryCount: UInt64? = nil, fetch: Fetch,
    passOver: ((TreePart, any Error) throws -> Void)? = nil,
    _ body: (RawTreeEntry) throws -> Void
  ) throws {
    let node = try fetch(id)
    try node.withUnsafeBytes { node in
      var reader = try TreeNodeReader(node)
      guard entryCount == nil || entryCount == reader.entryCount else {
        throw damaged("it does not have the number of entries that its own entry says")
      }
      switch reader.kind {
      case .entries:
        var byteCount = 0
        while let entry = try reader.nextEntry() {
          byteCount += PartBoundary.entryByteCount(body: entry.body.count)
          try body(entry)
        }
        guard byteCount <= PartBoundary.splitByteCount else { throw damaged("it is not split") }
      case .parts:
        var parts = PartCheck()
        var isWhole = true
        while let part = try reader.nextPart() {
          let node: [UInt8]
          do {
            node = try fetch(part.id)
          } catch {
            guard let passOver else { throw error }
            try passOver(part, error)
            isWhole = false
            continue
          }
          try node.withUnsafeBytes { try parts.read($0, part, body) }
        }
        guard !isWhole || parts.byteCount > PartBoundary.splitByteCount else {
          throw damaged("it is split")
        }
      case .chunks:
        throw damaged("a chunk list in its place")
      }
    }
  }

  fileprivate static func damaged(_ what: String) -> VarveError {
    VarveError(.damaged, "directory is damaged: \(what)")
  }
}

/// Reads parts one after another and checks that they are the ones the rule makes.
private struct PartCheck {
  private(set) var byteCount = 0
  private var boundary = PartBoundary()
  private var lastName: [UInt8] = []
  private var hasEnded = true

  mutating func read(
    _ node: UnsafeRawBufferPointer, _ part: TreePart, _ body: (RawTreeEntry) throws -> Void
  ) throws {
    guard hasEnded else { throw DirectoryReader.damaged("a part ends too early") }
    var reader = try TreeNodeReader(node)
    guard reader.kind == .entries, reader.entryCount == part.entryCount else {
      throw DirectoryReader.damaged("a part is not what its list says")
    }
    hasEnded = false
    var isFirst = true
    while let entry = try reader.nextEntry() {
      guard !isFirst || entry.name.elementsEqual(part.firstName) else {
        throw DirectoryReader.damaged("a part does not begin with the name its list says")
      }
      guard
        !isFirst || lastName.withUnsafeBytes({ $0.isEmpty || EntryName.precedes($0, entry.name) })
      else { throw DirectoryReader.damaged("its parts do not ascend") }
      isFirst = false
      guard !hasEnded else { throw DirectoryReader.damaged("a part ends too late") }
      let entryBytes = PartBoundary.entryByteCount(body: entry.body.count)
      byteCount += entryBytes
      hasEnded = boundary.endsAfter(entry.name, entryBytes)
      lastName.removeAll(keepingCapacity: true)
      lastName.append(contentsOf: entry.name)
      try body(entry)
    }
  }
}
