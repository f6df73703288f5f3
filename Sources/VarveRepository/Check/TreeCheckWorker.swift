internal import VarveFormat
internal import VarveProof

/// One thread's part of `TreeCheck`.
final class TreeCheckWorker {
  private let check: TreeCheck
  private let reader: ChunkReader
  private var proofs: ProofRootBuilder?

  init(check: TreeCheck, reader: ChunkReader, proofs: ProofRootBuilder?) {
    self.check = check
    self.reader = reader
    self.proofs = proofs
  }

  /// Opens a record, compares it with its entry, queues its tree and reads its link table.
  func check(snapshot: Digest) throws {
    try check.cancellationCheck()
    guard let record = try check.record(snapshot) else { return }
    try check.compare(snapshot, record)
    let root = DirectoryContent(
      id: record.tree.id, proofRoot: record.tree.root, entryCount: record.tree.entries)
    check.visit(DirectoryTask(content: root, depth: 1, snapshot: snapshot))
    for list in record.unfinished where check.isNew(list) {
      guard let node = try read(list, for: snapshot) else { continue }
      check.count(nodes: 1)
      do {
        let chunks = try node.withUnsafeBytes { try ChunkListNode(decoding: $0).chunks }
        check.look(up: chunks, for: snapshot)
      } catch {
        try check.note(lost: list, error, isAuthentic: true, for: snapshot)
      }
    }
    guard !record.links.isEmpty else { return }
    var table: [UInt8] = []
    for chunk in record.links {
      guard let bytes = try read(chunk, for: snapshot) else {
        check.note(lostLinksOf: snapshot)
        return
      }
      table += bytes
      guard table.count <= LinkTable.byteLimit else { break }
    }
    do {
      _ = try table.withUnsafeBytes { try LinkTable(decoding: $0) }
    } catch {
      check.note(lostLinksOf: snapshot)
      try check.note(lost: record.links[0], error, isAuthentic: true, for: snapshot)
    }
  }

  /// Parses a directory's nodes, looks its files' chunks up, queues its subdirectories.
  func check(_ task: DirectoryTask) throws {
    try check.cancellationCheck()
    proofs?.removeAll()
    var isRead = true
    func node(_ id: Digest) throws -> [UInt8] {
      guard let node = try read(id, for: task.snapshot) else {
        isRead = false
        throw VarveError(.damaged, "a node cannot be read")
      }
      check.count(nodes: 1)
      return node
    }
    do {
      try DirectoryReader.forEachEntry(
        of: task.content.id, entryCount: task.content.entryCount, fetch: node
      ) { raw in
        if proofs != nil {
          proofs?.add(body: raw.body, fields: try CommitmentFields(body: raw.body))
        }
        switch try raw.decode().content {
        case .file(let file): try look(up: file, for: task.snapshot)
        case .directory(let content):
          guard task.depth < TreeLimits.depth else {
            throw VarveError(.damaged, "a tree has more than \(TreeLimits.depth) levels")
          }
          check.visit(
            DirectoryTask(content: content, depth: task.depth + 1, snapshot: task.snapshot))
        case .link, .device, .none: break
        }
      }
      if let proofs, proofs.root != task.content.proofRoot {
        check.note(wrongProofRootOf: task.content.id)
      }
    } catch {
      // A part that is lost takes its directory with it: what was behind it is not known.
      try check.note(lost: task.content.id, error, isAuthentic: isRead, for: task.snapshot)
    }
  }

  /// The bytes of a node or chunk, or nil when it is lost, which is then noted.
  private func read(_ id: Digest, for snapshot: Digest) throws -> [UInt8]? {
    do {
      return try reader.chunk(id)
    } catch {
      try check.note(lost: id, error, isAuthentic: false, for: snapshot)
      return nil
    }
  }

  private func look(up file: FileContent, for snapshot: Digest) throws {
    switch file.form {
    case .chunks(let chunks): check.look(up: chunks, for: snapshot)
    case .lists(let lists):
      for (number, list) in lists.enumerated() where check.isNew(list.id) {
        guard let node = try read(list.id, for: snapshot) else { continue }
        check.count(nodes: 1)
        do {
          let chunks = try node.withUnsafeBytes {
            try ChunkListNode(decoding: $0, as: list, isLast: number == lists.count - 1).chunks
          }
          check.look(up: chunks, for: snapshot)
        } catch {
          try check.note(lost: list.id, error, isAuthentic: true, for: snapshot)
        }
      }
    }
  }
}
