import Varve
import VarveCrypto
import VarveFormat

/// Chunks and nodes in memory, by address.
final class MemoryChunks: ChunkSource, @unchecked Sendable {
  private(set) var chunks: [Digest: [UInt8]] = [:]
  /// Those of them that are content of files.
  private(set) var contents: Set<Digest> = []
  /// Ids asked for, in order.
  var reads: [Digest] = []
  var recordsReads = false

  func withChunk<T>(_ id: Digest, _ body: (UnsafeRawBufferPointer) throws -> T) throws -> T {
    if recordsReads { reads.append(id) }
    guard let chunk = chunks[id] else { throw VarveError(.missing, "no chunk \(id)") }
    return try chunk.withUnsafeBytes(body)
  }

  func store(_ bytes: UnsafeRawBufferPointer) -> Digest {
    let id = SHA256.digest(bytes)
    chunks[id] = Array(bytes)
    return id
  }

  /// Stores content of a file.
  func store(_ bytes: [UInt8]) -> Digest {
    let id = bytes.withUnsafeBytes { store($0) }
    contents.insert(id)
    return id
  }

  func replace(_ id: Digest, with bytes: [UInt8]) { chunks[id] = bytes }

  func remove(_ id: Digest) { chunks[id] = nil }
}

/// A description of a tree, for tests to build one from.
indirect enum Node {
  case file([UInt8], holes: [Hole] = [], chunkSize: Int = 1 << 16)
  case directory([(name: String, node: Node)])
  case rawDirectory([(name: [UInt8], node: Node)])
  case link([UInt8])
  case device(EntryType, UInt32, UInt32)
  case fifo
  /// The node with its attributes changed.
  case with(Node, (inout TreeEntry) -> Void)

  static func text(_ text: String) -> Node { .file(Array(text.utf8)) }

  static func mode(_ mode: UInt16, _ node: Node) -> Node {
    .with(node) { $0.attributes.mode = mode }
  }

  static func modified(_ seconds: Int64, _ nanoseconds: UInt32 = 0, node: Node) -> Node {
    .with(node) { $0.attributes.modified = FileTime(seconds: seconds, nanoseconds: nanoseconds) }
  }

  static func hardLinked(_ node: Node) -> Node { .with(node) { $0.attributes.isHardLinked = true } }
}

extension MemoryChunks {
  /// Stores a tree and returns its root.
  func tree(_ entries: [(name: String, node: Node)]) throws -> DirectoryContent {
    try directory(entries.map { (Array($0.name.utf8), $0.node) })
  }

  /// A snapshot record of a tree.
  func snapshot(
    _ entries: [(name: String, node: Node)], links: [[String]] = []
  ) throws -> SnapshotRecord {
    let root = try tree(entries)
    let groups = links.map { $0.map { Array($0.utf8) } }
    return SnapshotRecord(
      time: Timestamp(seconds: 0), host: [], user: [], uid: 0, gid: 0, paths: [],
      tree: SnapshotRecord.Tree(id: root.id, root: root.proofRoot, entries: root.entryCount),
      links: groups.isEmpty ? [] : [LinkTable(groups: groups).encode().withUnsafeBytes(store)],
      program: "test")
  }

  func directory(_ entries: [(name: [UInt8], node: Node)]) throws -> DirectoryContent {
    var writer = TreeNodeWriter()
    for (name, node) in entries.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
      let body = try entry(name, node).encode()
      try body.withUnsafeBytes { try writer.append($0, store: store) }
    }
    let (id, entryCount) = try writer.finish(store: store)
    return DirectoryContent(id: id, proofRoot: .zero, entryCount: entryCount)
  }

  func entry(_ name: [UInt8], _ node: Node) throws -> TreeEntry {
    func plain(_ type: EntryType, _ content: TreeEntry.Content) -> TreeEntry {
      TreeEntry(
        name: name,
        attributes: EntryAttributes(
          type: type, mode: type == .directory ? 0o755 : 0o644, uid: 0, gid: 0,
          modified: FileTime(seconds: 1_700_000_000, nanoseconds: 0)), content: content)
    }
    switch node {
    case .file(let bytes, let holes, let chunkSize):
      return plain(.file, .file(try file(bytes, holes, chunkSize)))
    case .directory(let entries):
      return plain(.directory, .directory(try tree(entries)))
    case .rawDirectory(let entries):
      return plain(.directory, .directory(try directory(entries)))
    case .link(let target): return plain(.link, .link(target))
    case .device(let type, let major, let minor):
      return plain(type, .device(major: major, minor: minor))
    case .fifo: return plain(.fifo, .none)
    case .with(let node, let change):
      var entry = try entry(name, node)
      change(&entry)
      return entry
    }
  }

  /// `bytes` are the whole file; those in holes must be zero.
  private func file(_ bytes: [UInt8], _ holes: [Hole], _ chunkSize: Int) throws -> FileContent {
    var writer = ChunkListWriter()
    var position = 0
    var extents: [Range<Int>] = []
    for hole in holes {
      extents.append(position..<Int(hole.offset))
      position = Int(hole.end)
    }
    extents.append(position..<bytes.count)
    for extent in extents {
      for start in stride(from: extent.lowerBound, to: extent.upperBound, by: chunkSize) {
        let chunk = Array(bytes[start..<min(start + chunkSize, extent.upperBound)])
        try writer.append(
          ChunkReference(address: store(chunk), length: UInt32(chunk.count)), store: store)
      }
    }
    let isLong = try writer.finish(store: store)
    return FileContent(
      size: UInt64(bytes.count), form: isLong ? .lists(writer.lists) : .chunks(writer.chunks),
      holes: holes, digest: bytes.isEmpty ? .zero : SHA256.digest(bytes))
  }
}
