internal import VarveFormat
internal import VarveProof
internal import VarveRepository

/// Makes a tree bottom-up out of entries that come in the order of a walk.
///
/// Only the directories between the root and the entry that came last are held. A directory that nobody has described is
/// made up by `implied`.
final class TreeAssembly {
  private struct Level {
    var name: [UInt8]
    var entry: TreeEntry?
    var nodes = TreeNodeWriter()
    var frontier = MerkleFrontier()
  }

  private let worker: BackupWorker
  private let implied: EntryAttributes
  /// The root, and the directories that are open below it.
  private var levels = [Level(name: [], entry: nil)]
  private(set) var directories: UInt64 = 0

  init(_ worker: BackupWorker, implied: EntryAttributes) {
    self.worker = worker
    self.implied = implied
  }

  /// Adds an entry.
  ///
  /// - Parameters:
  ///   - entry: of a directory, its content is not looked at: what follows below its path becomes it.
  ///   - directory: the components of the path above its name.
  /// - Throws: `.usage` when the entry has a field that the format does not; then it is left out. What storing throws.
  func add(_ entry: TreeEntry, in directory: some Collection<[UInt8]>) throws {
    var common = 0
    for (level, name) in zip(levels.dropFirst(), directory) {
      guard level.name == name else { break }
      common += 1
    }
    while levels.count > common + 1 { try close() }
    for name in directory.dropFirst(common) { levels.append(Level(name: name, entry: nil)) }
    if entry.type == .directory {
      // Refused now rather than when it is complete.
      var probe = entry
      probe.content = .directory(DirectoryContent(id: .zero, proofRoot: .zero, entryCount: 0))
      _ = try probe.encode()
      levels.append(Level(name: entry.name, entry: entry))
    } else {
      try append(entry)
    }
  }

  /// Completes the tree.
  func finish() throws -> NodeReference {
    while levels.count > 1 { try close() }
    let (id, count) = try levels[0].nodes.finish(store: worker.store(node:))
    return NodeReference(id: id, root: levels[0].frontier.root, count: count)
  }

  private func close() throws {
    guard var level = levels.popLast() else { return }
    let (id, count) = try level.nodes.finish(store: worker.store(node:))
    var entry =
      level.entry
      ?? TreeEntry(
        name: level.name, attributes: implied,
        user: worker.session.accounts.user(implied.uid),
        group: worker.session.accounts.group(implied.gid), content: .none)
    entry.content = .directory(
      DirectoryContent(id: id, proofRoot: level.frontier.root, entryCount: count))
    directories += 1
    try append(entry)
  }

  private func append(_ entry: TreeEntry) throws {
    var body = ByteWriter()
    let fields = try TreeEntryEncoder.append(entry, to: &body)
    let last = levels.count - 1
    try body.bytes.withUnsafeBytes {
      try levels[last].nodes.append($0, store: worker.store(node:))
      levels[last].frontier.append(leafHash: worker.leaf(of: $0, fields))
    }
  }
}
