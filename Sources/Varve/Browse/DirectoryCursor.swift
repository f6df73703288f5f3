package import VarveFormat

/// Goes through one directory entry by entry, whether it is one node or parts.
///
/// Holds one node, and the list of parts of a huge directory: some 256 KiB, never the whole. A part is
/// fetched when its first entry is asked for, so a caller who knows its id can pass it over unread.
/// `release` gives the nodes back; what comes next is then fetched again.
package final class DirectoryCursor {
  package let id: Digest
  private let source: any ChunkSource
  private let memory: NodeMemory

  private var top: NodeBuffer?
  private var parts: TreeNodeReader?
  private var pending: TreePart?
  private var partNode: NodeBuffer?
  private var entries: TreeNodeReader?
  private var current: RawTreeEntry?
  /// Where to take up again after `release`: whole parts and entries of the next one gone by.
  private var partsDone = 0
  private var entriesDone = 0
  private var lastName: [UInt8] = []
  private var isReleased = false

  /// - Parameters:
  ///   - directory: as its entry or the snapshot record says.
  ///   - memory: the account on which the nodes' bytes are put.
  /// - Throws: `.damaged` when the directory's own node is.
  package init(
    _ directory: DirectoryContent, from source: any ChunkSource, memory: NodeMemory = NodeMemory()
  ) throws {
    id = directory.id
    self.source = source
    self.memory = memory
    let count = try open()
    guard count == directory.entryCount else {
      throw damaged("it has \(count) entries where \(directory.entryCount) are recorded")
    }
  }

  /// The part that the next entry begins, while it is still unread.
  package func unreadPart() throws -> Digest? {
    try reopen()
    try takeEntry()
    return entries == nil ? pending?.id : nil
  }

  /// The part in which the next entry lies; nil where the directory is one node.
  package private(set) var part: Digest?

  /// Whether `peek` has just begun a part.
  package var isAtPartStart: Bool { part != nil && entriesDone == 0 && current != nil }

  /// Bytes of the directory's own node, and of that part; 0 after `release`.
  package var nodeByteCount: Int { top?.bytes.count ?? 0 }
  package var partByteCount: Int { partNode?.bytes.count ?? 0 }

  /// Passes over the part that `unreadPart` names.
  package func skipPart() throws {
    guard let pending else { return }
    lastName = Array(pending.firstName)
    try finishPart()
  }

  /// The next entry without going past it; borrowed until `advance`, `skipPart` or `release`.
  ///
  /// - Throws: `.damaged` when a node is not what the directory says.
  package func peek() throws -> RawTreeEntry? {
    try reopen()
    try takeEntry()
    while current == nil, pending != nil {
      try openPart()
      try takeEntry()
    }
    return current
  }

  /// Goes past the entry that `peek` gave.
  package func advance() {
    guard let entry = current else { return }
    if parts != nil {
      lastName.removeAll(keepingCapacity: true)
      lastName.append(contentsOf: entry.name)
    }
    entriesDone += 1
    current = nil
  }

  /// Goes to the first entry whose name is not less than `name`, if that lies ahead; of a huge
  /// directory, the parts before it are not read.
  package func seek(_ name: UnsafeRawBufferPointer) throws {
    while try unreadPart() != nil, let next = try followingPart() {
      guard !EntryName.precedes(name, next) else { break }
      try skipPart()
    }
    while let entry = try peek(), EntryName.precedes(entry.name, name) { advance() }
  }

  /// Gives the nodes' memory back until the next call.
  package func release() {
    top = nil
    parts = nil
    pending = nil
    partNode = nil
    entries = nil
    current = nil
    isReleased = true
  }

  // MARK: Nodes

  private func open() throws -> UInt64 {
    let node = try NodeBuffer(id, from: source, memory)
    let reader = try within { try TreeNodeReader(node.bytes) }
    top = node
    if reader.kind == .entries {
      entries = reader
    } else {
      parts = reader
      for _ in 0..<partsDone { _ = try within { try parts?.nextPart() } }
      pending = try within { try parts?.nextPart() }
    }
    return reader.entryCount
  }

  private func reopen() throws {
    guard isReleased else { return }
    isReleased = false
    _ = try open()
    if parts != nil && entriesDone > 0 { try openPart() }
    for _ in 0..<entriesDone { _ = try within { try entries?.nextEntry() } }
  }

  /// The first name of the part behind the unread one.
  private func followingPart() throws -> UnsafeRawBufferPointer? {
    var ahead = parts
    return try within { try ahead?.nextPart()?.firstName }
  }

  /// Takes the next entry of the node that is open; at its end, makes the next part the unread one.
  private func takeEntry() throws {
    guard current == nil, entries != nil else { return }
    current = try within { try entries?.nextEntry() ?? nil }
    if let current {
      if entriesDone == 0, let pending { try checkFirst(current, of: pending) }
    } else {
      entries = nil
      if parts != nil { try finishPart() }
    }
  }

  private func openPart() throws {
    guard let pending else { return }
    let node = try NodeBuffer(pending.id, from: source, memory)
    let reader = try within { try TreeNodeReader(node.bytes) }
    guard reader.kind == .entries, reader.entryCount == pending.entryCount else {
      throw damaged("a part is not what its list says")
    }
    part = pending.id
    partNode = node
    entries = reader
  }

  private func finishPart() throws {
    entries = nil
    partNode = nil
    part = nil
    partsDone += 1
    entriesDone = 0
    pending = try within { try parts?.nextPart() }
  }

  private func checkFirst(_ entry: RawTreeEntry, of part: TreePart) throws {
    guard entry.name.elementsEqual(part.firstName) else {
      throw damaged("a part does not begin with the name its list says")
    }
    let ascends = lastName.withUnsafeBytes { $0.isEmpty || EntryName.precedes($0, entry.name) }
    guard ascends else { throw damaged("its parts do not ascend") }
  }

  private func within<T>(_ body: () throws -> T) throws -> T {
    do {
      return try body()
    } catch let error as VarveError where error.code == .damaged {
      throw VarveError(
        .damaged, "tree node \(id) is damaged", hint: "run 'varve check' to see what it affects",
        cause: error)
    }
  }

  private func damaged(_ what: String) -> VarveError {
    VarveError(
      .damaged, "tree node \(id) is damaged: \(what)",
      hint: "run 'varve check' to see what it affects")
  }
}
