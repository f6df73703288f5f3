import VarveFormat

// Two trees are walked side by side: a stack of pairs of cursors, each pair merged by name. A pair of
// equal directories is passed over by id; so is a pair of equal parts, which the merge always meets at
// the same time, since all names before them have been consumed on both sides.

/// One run of a comparison.
final class TreeComparison {
  private static let memoryLimit = 32 << 20

  /// A directory of both trees or of one.
  private struct Level {
    let first: DirectoryCursor?
    let second: DirectoryCursor?
    let pathLength: Int
  }

  private let source: any ChunkSource
  private let includesMetadata: Bool
  private let memory = NodeMemory()
  private var levels: [Level] = []
  private var path: [UInt8] = []
  private var ledger = ChunkLedger()
  private var report = Difference.Report()

  init(
    _ first: DirectoryContent, _ second: DirectoryContent, from source: any ChunkSource,
    includesMetadata: Bool
  ) throws {
    self.source = source
    self.includesMetadata = includesMetadata
    try push(first, second)
  }

  func run(_ body: (Difference.Change) throws -> Void) throws -> Difference.Report {
    while let level = levels.last {
      path.removeSubrange(level.pathLength...)
      if try !step(level, body) { levels.removeLast() }
    }
    ledger.total(into: &report)
    return report
  }

  /// Deals with the next name of the innermost pair; false at its end.
  private func step(_ level: Level, _ body: (Difference.Change) throws -> Void) throws -> Bool {
    try passEqualParts(level)
    let a = try level.first?.peek()
    let b = try level.second?.peek()
    addPart(level.first, a, .first)
    addPart(level.second, b, .second)
    switch (a, b) {
    case (nil, nil): return false
    case (let a?, nil): try removed(a, level, body)
    case (nil, let b?): try added(b, level, body)
    case (let a?, let b?):
      if EntryName.precedes(a.name, b.name) {
        try removed(a, level, body)
      } else if EntryName.precedes(b.name, a.name) {
        try added(b, level, body)
      } else {
        try both(a, b, level, body)
      }
    }
    return true
  }

  private func passEqualParts(_ level: Level) throws {
    guard let first = level.first, let second = level.second else { return }
    while let part = try first.unreadPart(), try second.unreadPart() == part {
      ledger.add(part, length: 0, isNode: true, [.first, .second])
      try first.skipPart()
      try second.skipPart()
    }
  }

  private func removed(
    _ entry: RawTreeEntry, _ level: Level, _ body: (Difference.Change) throws -> Void
  ) throws {
    let decoded = try entry.decode()
    level.first?.advance()
    try oneSided(decoded, .removed, body)
    count(decoded, in: &report.removed)
    if case .directory(let content) = decoded.content { try push(content, nil) }
    try addChunks(of: decoded, .first)
  }

  private func added(
    _ entry: RawTreeEntry, _ level: Level, _ body: (Difference.Change) throws -> Void
  ) throws {
    let decoded = try entry.decode()
    level.second?.advance()
    try oneSided(decoded, .added, body)
    count(decoded, in: &report.added)
    if case .directory(let content) = decoded.content { try push(nil, content) }
    try addChunks(of: decoded, .second)
  }

  private func oneSided(
    _ entry: TreeEntry, _ kind: Difference.Change.Kind,
    _ body: (Difference.Change) throws -> Void
  ) throws {
    append(entry.name)
    try body(Difference.Change(path: path, kind: kind, isDirectory: entry.type == .directory))
  }

  private func both(
    _ rawA: RawTreeEntry, _ rawB: RawTreeEntry, _ level: Level,
    _ body: (Difference.Change) throws -> Void
  ) throws {
    let a = try rawA.decode()
    let b = try rawB.decode()
    level.first?.advance()
    level.second?.advance()
    append(b.name)
    let kind = EntryComparison.kind(a, b, includesMetadata: includesMetadata)
    if !kind.isEmpty {
      if kind.contains(.content) && b.type == .file { report.changedFiles += 1 }
      try body(Difference.Change(path: path, kind: kind, isDirectory: b.type == .directory))
    }
    try addChunks(of: a, .first)
    try addChunks(of: b, .second)
    switch (a.content, b.content) {
    case (.directory(let a), .directory(let b)):
      if a.id != b.id {
        try push(a, b)
      } else {
        ledger.add(a.id, length: 0, isNode: true, [.first, .second])
      }
    case (.directory(let a), _): try push(a, nil)
    case (_, .directory(let b)): try push(nil, b)
    default: break
    }
  }

  private func append(_ name: [UInt8]) {
    path.append(UInt8(ascii: "/"))
    path.append(contentsOf: name)
  }

  private func push(_ first: DirectoryContent?, _ second: DirectoryContent?) throws {
    guard levels.count < TreeLimits.depth else {
      throw VarveError(.damaged, "the tree is deeper than \(TreeLimits.depth) directories")
    }
    levels.append(
      Level(
        first: try first.map { try open($0, .first) },
        second: try second.map { try open($0, .second) }, pathLength: path.count))
    guard memory.byteCount > Self.memoryLimit else { return }
    for outer in levels.dropLast() where memory.byteCount > Self.memoryLimit / 2 {
      outer.first?.release()
      outer.second?.release()
    }
  }

  private func open(
    _ directory: DirectoryContent, _ side: ChunkLedger.Side
  ) throws -> DirectoryCursor {
    let cursor = try DirectoryCursor(directory, from: source, memory: memory)
    ledger.add(directory.id, length: cursor.nodeByteCount, isNode: true, side)
    return cursor
  }

  /// Counts the part in which `entry` lies, once, when its first entry comes up.
  private func addPart(
    _ cursor: DirectoryCursor?, _ entry: RawTreeEntry?, _ side: ChunkLedger.Side
  ) {
    guard let cursor, entry != nil, cursor.isAtPartStart, let part = cursor.part else { return }
    ledger.add(part, length: cursor.partByteCount, isNode: true, side)
  }

  private func addChunks(of entry: TreeEntry, _ side: ChunkLedger.Side) throws {
    guard case .file(let content) = entry.content else { return }
    try content.forEachChunk(
      from: source,
      list: { ledger.add($0.id, length: $1, isNode: true, side) },
      { ledger.add($0.address, length: Int($0.length), isNode: false, side) })
  }

  private func count(_ entry: TreeEntry, in totals: inout Difference.Totals) {
    switch entry.type {
    case .file: totals.files += 1
    case .directory: totals.directories += 1
    default: totals.others += 1
    }
  }
}
