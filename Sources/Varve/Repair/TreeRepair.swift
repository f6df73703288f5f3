// Makes trees without what cannot be read:
//
//     a chunk or node that no live pack has is gone; so is what refers to it: the file, the directory, the part of a huge one
//     directories are left depth first, so that each distinct one is looked at once, whatever snapshots have it
//     where something below has changed the directory is written anew, its proof root with it
//
// What a live pack should have and does not give is no loss yet: that is for the log to say first.

internal import VarveCrypto
internal import VarveFormat
internal import VarveProof
internal import VarveRepository

/// Repairs the trees of one session. One thread at a time.
///
/// Memory: 43 to 86 bytes for each distinct directory, the names in those that change, and the paths that cannot be read.
final class TreeRepair {
  /// What became of a directory.
  enum Outcome {
    case whole
    case changed(RepairedDirectory)
    case unreadable
  }

  struct RepairedDirectory {
    let content: DirectoryContent
    let unreadable: [UnreadableEntry]
  }

  /// A directory on the way from the root to where the walk is.
  private struct Level {
    let name: [UInt8]
    let id: Digest
    var subdirectories: [(name: [UInt8], content: DirectoryContent)] = []
    /// What of it cannot be read; names and kinds.
    var lost: [UnreadableEntry] = []
    /// Subdirectories that were written anew.
    var changed: [[UInt8]: RepairedDirectory] = [:]

    var isWhole: Bool { lost.isEmpty && changed.isEmpty }
  }

  private static let suffix = Array(".unreadable".utf8)
  private static let nameLimit = 255

  private let index: ChunkIndex
  private let reader: ChunkReader
  /// Nil for a dry run.
  private let writer: ChunkWriter?
  private let marks: Bool
  private let cancellation: CancellationFlag
  private var proofs: ProofRootBuilder
  private var whole = DigestSet()
  private var changed: [Digest: RepairedDirectory] = [:]
  private var unreadable: Set<Digest> = []

  init(
    _ repository: IndexedRepository, writer: ChunkWriter?, marks: Bool,
    cancellation: CancellationFlag
  ) throws {
    index = repository.index
    reader = try repository.makeReader()
    self.writer = writer
    self.marks = marks
    self.cancellation = cancellation
    proofs = ProofRootBuilder(proofKey: try repository.unlocked.keys.proofKey())
  }

  /// - Throws: `.damaged` and `.missing` for what a live pack does not give; `.io`; `.interrupted`; what storing throws.
  func repair(_ root: DirectoryContent) throws -> Outcome { try unwrapping { try walk(root) } }

  private func walk(_ root: DirectoryContent) throws -> Outcome {
    var levels: [Level] = []
    if let known = try enter(root, named: [], &levels) { return known }
    while true {
      let last = levels.count - 1
      if let next = levels[last].subdirectories.popLast() {
        guard levels.count < TreeLimits.depth else {
          throw VarveError(.damaged, "a tree has more than \(TreeLimits.depth) levels")
        }
        if let known = try enter(next.content, named: next.name, &levels) {
          note(known, of: next.name, in: &levels[last])
        }
        continue
      }
      let level = levels.removeLast()
      let outcome = try leave(level)
      guard !levels.isEmpty else { return outcome }
      note(outcome, of: level.name, in: &levels[levels.count - 1])
    }
  }

  private func note(_ outcome: Outcome, of name: [UInt8], in level: inout Level) {
    switch outcome {
    case .whole: break
    case .changed(let directory): level.changed[name] = directory
    case .unreadable:
      level.lost.append(UnreadableEntry(path: name, kind: .directory, mark: nil))
    }
  }

  /// Reads a directory whose fate is not known yet, for the walk to go into.
  private func enter(
    _ content: DirectoryContent, named name: [UInt8], _ levels: inout [Level]
  ) throws -> Outcome? {
    try cancellation.check()
    if whole.contains(content.id) { return .whole }
    if let known = changed[content.id] { return .changed(known) }
    if unreadable.contains(content.id) { return .unreadable }
    var level = Level(name: name, id: content.id)
    do {
      let parts = try forEachEntry(of: content.id) { raw in
        let entry = try decoded(raw)
        switch entry.content {
        case .directory(let below): level.subdirectories.append((entry.name, below))
        case .file(let file):
          if try !isWhole(file) {
            level.lost.append(UnreadableEntry(path: entry.name, kind: .file, mark: nil))
          }
        case .link, .device, .none: break
        }
      }
      level.lost += parts.map { UnreadableEntry(path: [], kind: .entries($0), mark: nil) }
    } catch is Unreadable {
      unreadable.insert(content.id)
      return .unreadable
    }
    level.subdirectories.reverse()
    levels.append(level)
    return nil
  }

  private func leave(_ level: Level) throws -> Outcome {
    guard !level.isWhole else {
      _ = whole.insert(level.id)
      return .whole
    }
    let directory = try rewritten(level)
    changed[level.id] = directory
    return .changed(directory)
  }

  // MARK: Reading

  /// - Returns: of each part that cannot be read, its entries.
  /// - Throws: `Unreadable` when the directory cannot be read or is not canonical.
  @discardableResult
  private func forEachEntry(
    of id: Digest, _ body: (RawTreeEntry) throws -> Void
  ) throws -> [UInt64] {
    var passedOver: [UInt64] = []
    func passOver(_ part: TreePart, _ error: any Error) throws {
      guard error is Unreadable else { throw error }
      passedOver.append(part.entryCount)
    }
    var failure: (any Error)?
    do {
      try DirectoryReader.forEachEntry(of: id, fetch: node, passOver: passOver) { raw in
        do { try body(raw) } catch {
          failure = error
          throw error
        }
      }
    } catch let error as VarveError where error.code == .damaged && failure == nil {
      // The nodes were read, and their seals were right: their writer had them so.
      throw Unreadable()
    }
    return passedOver
  }

  private func decoded(_ raw: RawTreeEntry) throws -> TreeEntry {
    do {
      return try raw.decode()
    } catch let error as VarveError where error.code == .damaged {
      throw Unreadable()
    }
  }

  /// What a live pack should have given.
  private struct NotGiven: Error {
    let error: VarveError
  }

  private func unwrapping<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as NotGiven {
      throw error.error
    }
  }

  /// - Throws: `Unreadable` when no live pack has the node; `NotGiven`.
  private func node(_ id: Digest) throws -> [UInt8] {
    guard let location = index.locate(id) else { throw Unreadable() }
    do {
      return try reader.chunk(id)
    } catch let error as VarveError where error.code == .damaged || error.code == .missing {
      throw NotGiven(
        error: VarveError(
          error.code, "\(ObjectName.pack(location.pack)) cannot be read as it should",
          hint:
            "run 'varve repair packs \(location.pack.hex.prefix(16))' first, which saves what it "
            + "still has and says in the log that it is lost", cause: error))
    }
  }

  /// Whether all chunks of the file are in live packs.
  private func isWhole(_ file: FileContent) throws -> Bool {
    switch file.form {
    case .chunks(let chunks): chunks.allSatisfy { index.contains($0.address) }
    case .lists(let lists): try lists.allSatisfy { try isWhole(list: $0.id) }
    }
  }

  /// Whether a list of chunks of a file that was being read is whole.
  func isWhole(unfinished list: Digest) throws -> Bool {
    try unwrapping { try isWhole(list: list) }
  }

  /// Whether a chunk list can be read, and all that it lists is in live packs.
  private func isWhole(list: Digest) throws -> Bool {
    let chunks: [ChunkReference]
    do {
      chunks = try node(list).withUnsafeBytes { try ChunkListNode(decoding: $0).chunks }
    } catch is Unreadable {
      return false
    } catch let error as VarveError where error.code == .damaged {
      return false
    }
    return chunks.allSatisfy { index.contains($0.address) }
  }

  /// The groups of a link table; nil when it cannot be read.
  func links(of record: SnapshotRecord) throws -> [[[UInt8]]]? {
    guard record.links.allSatisfy({ index.contains($0) }) else { return nil }
    try unwrapping { for chunk in record.links { _ = try node(chunk) } }
    do {
      return try LinkTable.groups(of: record, from: reader)
    } catch let error as VarveError where error.code == .damaged {
      return nil
    }
  }

  // MARK: Writing

  /// Stores a node, or only says its address.
  func store(_ node: UnsafeRawBufferPointer) throws -> Digest {
    try writer?.addTree(node).id ?? SHA256.digest(node)
  }

  private func rewritten(_ level: Level) throws -> RepairedDirectory {
    let left = Set(level.lost.lazy.filter { !$0.path.isEmpty }.map(\.path))
    let replacements = try marks && !left.isEmpty ? self.marks(for: level, left) : [:]
    var waiting = replacements.values.sorted { $1.name.lexicographicallyPrecedes($0.name) }
    var nodes = TreeNodeWriter()
    proofs.removeAll()
    func add(_ body: UnsafeRawBufferPointer) throws {
      try nodes.append(body, store: store)
      proofs.add(body: body, fields: try CommitmentFields(body: body))
    }
    func addMarks(before name: UnsafeRawBufferPointer?) throws {
      while let mark = waiting.last, name.map({ mark.name.lexicographicallyPrecedes($0) }) ?? true {
        waiting.removeLast()
        try mark.encode().withUnsafeBytes(add)
      }
    }
    try forEachEntry(of: level.id) { raw in
      let name = Array(raw.name)
      try addMarks(before: raw.name)
      if left.contains(name) { return }
      guard let directory = level.changed[name] else { return try add(raw.body) }
      var entry = try decoded(raw)
      entry.content = .directory(directory.content)
      try entry.encode().withUnsafeBytes(add)
    }
    try addMarks(before: nil)
    let root = proofs.root
    let (id, count) = try nodes.finish(store: store)
    let own = level.lost.map {
      UnreadableEntry(path: $0.path, kind: $0.kind, mark: replacements[$0.path]?.name)
    }
    let below = level.changed.flatMap { name, directory in
      directory.unreadable.map { $0.below(name) }
    }
    return RepairedDirectory(
      content: DirectoryContent(id: id, proofRoot: root, entryCount: count),
      unreadable: (own + below).sorted { $0.path.lexicographicallyPrecedes($1.path) })
  }

  /// Empty files and directories that take the places of what cannot be read: the same names with `.unreadable` behind
  /// them, shortened where they would be too long for a file system, and numbered where they are taken.
  private func marks(for level: Level, _ left: Set<[UInt8]>) throws -> [[UInt8]: TreeEntry] {
    var names: Set<[UInt8]> = []
    var entries: [TreeEntry] = []
    try forEachEntry(of: level.id) { raw in
      let name = Array(raw.name)
      names.insert(name)
      if left.contains(name) { entries.append(try decoded(raw)) }
    }
    var marks: [[UInt8]: TreeEntry] = [:]
    for var entry in entries {
      let name = entry.name
      var number = 0
      repeat {
        let end = Self.suffix + (number == 0 ? [] : Array(".\(number)".utf8))
        entry.name = Array(name.prefix(max(1, Self.nameLimit - end.count))) + end
        number += 1
      } while !names.insert(entry.name).inserted
      entry.attributes.isHardLinked = false
      if case .directory = entry.content {
        var empty = TreeNodeWriter()
        entry.content = .directory(
          DirectoryContent(
            id: try empty.finish(store: store).id, proofRoot: MerkleHash.emptyRoot, entryCount: 0))
      } else {
        entry.content = .file(.empty)
      }
      marks[name] = entry
    }
    return marks
  }
}
