internal import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveProof
internal import VarveRepository

/// The leaves of one directory's proof root, and one of its entries (docs/format.md, section 9.1).
///
/// Every entry is hashed, about two microseconds each; the parts of a huge directory on all cores. 64 bytes an entry.
struct DirectoryLeaves {
  let tree: MerkleTree
  let index: UInt64
  /// The entry's whole body.
  let body: [UInt8]

  /// A node that has entries: the directory's own, or a part.
  private struct Part {
    let id: Digest
    let count: UInt64
  }

  private struct Hashed: Sendable {
    var leaves: [Digest] = []
    /// The entry that was looked for, and its place in the part.
    var found: (index: Int, body: [UInt8])?
  }

  /// - Returns: nil when the directory has no such entry.
  /// - Throws: `.damaged` and `.missing`, also when the directory has another proof root than `directory` says.
  init?(
    of directory: DirectoryContent, entry name: [UInt8], proofKey: HMACSHA256,
    _ repository: IndexedRepository, _ cancellation: CancellationFlag
  ) throws {
    let parts = try Self.parts(of: directory, from: try repository.makeReader())
    let hashed = Arc(Mutex([Hashed](repeating: Hashed(), count: parts.count)))
    let next = Arc(Atomic<Int>(0))
    try WorkerThreads.run(count: min(WorkerThreads.processorCount, parts.count)) { _ in
      let reader = try repository.makeReader()
      while true {
        let number = next.value.add(1, ordering: .relaxed).oldValue
        guard number < parts.count else { return }
        try cancellation.check()
        let part = try Self.hash(parts[number], entry: name, proofKey, from: reader)
        hashed.value.withLock { $0[number] = part }
      }
    }
    var tree = MerkleTree()
    var found: (index: UInt64, body: [UInt8])?
    for part in hashed.value.withLock({ $0 }) {
      if let own = part.found { found = (tree.size + UInt64(own.index), own.body) }
      for leaf in part.leaves { tree.append(leafHash: leaf) }
    }
    guard tree.head == TreeHead(size: directory.entryCount, root: directory.proofRoot) else {
      throw VarveError(
        .damaged, "tree node \(directory.id) has not the proof root that is recorded of it",
        hint: "run 'varve check' to see what it affects")
    }
    guard let found else { return nil }
    self.tree = tree
    index = found.index
    body = found.body
  }

  private static func parts(
    of directory: DirectoryContent, from reader: ChunkReader
  ) throws -> [Part] {
    try reader.withChunk(directory.id) { node in
      var nodes = try TreeNodeReader(node)
      guard nodes.kind == .parts else {
        return [Part(id: directory.id, count: directory.entryCount)]
      }
      var parts: [Part] = []
      while let part = try nodes.nextPart() {
        parts.append(Part(id: part.id, count: part.entryCount))
      }
      return parts
    }
  }

  private static func hash(
    _ part: Part, entry name: [UInt8], _ proofKey: HMACSHA256, from reader: ChunkReader
  ) throws -> Hashed {
    try reader.withChunk(part.id) { node in
      var nodes = try TreeNodeReader(node)
      guard nodes.kind == .entries, nodes.entryCount == part.count else {
        throw VarveError(.damaged, "tree node \(part.id) is not what the directory says")
      }
      var hashed = Hashed()
      hashed.leaves.reserveCapacity(Int(part.count))
      while let entry = try nodes.nextEntry() {
        if entry.name.elementsEqual(name) {
          hashed.found = (hashed.leaves.count, Array(entry.body))
        }
        let fields = try CommitmentFields(body: entry.body)
        hashed.leaves.append(
          EntryCommitment(proofKey: proofKey, body: entry.body)
            .leafHash(of: entry.body, fields: fields))
      }
      return hashed
    }
  }
}
