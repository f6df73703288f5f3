import VarveCrypto
public import VarveFormat

/// What a file proof has shown.
public struct ProvedFiles: Equatable, Sendable {
  public struct File: Equatable, Sendable {
    /// From the root of the snapshot, components joined by `/`; nil where the proof does not tell it.
    public let path: [UInt8]?
    public let size: UInt64
    /// SHA-256 of the content; of an empty file, of nothing.
    public let digest: Digest
    /// Nil where the proof does not tell it.
    public let metadata: EntryMetadata?
    /// Where the content lies, if the proof releases it. Nothing of it is verified before the content is.
    public let content: ReleasedContent?
  }

  public let entry: ProvedEntry
  public let addition: LogStatement.SnapshotAddition
  /// In the order of the proof.
  public let files: [File]
}

extension FileProof {
  /// Verifies every link from the files' fields to the log's checkpoint.
  ///
  /// - Parameter key: of the log, from somewhere else than the proof.
  /// - Throws: `VarveError.Code.unproved`, naming the first link that does not hold. O(size of the proof).
  public func verify(by key: VerifierKey) throws -> ProvedFiles {
    let entry = try ProvedEntry(self.entry.bytes, log, key: key)
    try entry.requireSigned(by: authorKey)
    guard case .snapshot(let addition) = entry.statement.body else {
      throw VarveError(
        .unproved, "entry \(log.index) adds no snapshot: it is a \(entry.statement.body.kind) entry"
      )
    }
    guard let commitment = addition.tree else {
      throw VarveError(
        .unproved, "entry \(log.index) does not commit to a tree: it was made by an older program")
    }
    guard
      commitment
        == TreeCommitment.digest(salt: tree.salt, entries: tree.entryCount, root: tree.root)
    else {
      throw VarveError(.unproved, "the tree is not that of the snapshot \(addition.snapshot)")
    }
    let files = try self.files.enumerated().map { number, file in
      do {
        return try file.verify(in: tree)
      } catch let error as VarveError {
        throw VarveError(
          .unproved,
          "file \(number + 1) of \(self.files.count) is not proved to be in the snapshot",
          cause: error)
      }
    }
    return ProvedFiles(entry: entry, addition: addition, files: files)
  }
}

extension FileProof.File {
  fileprivate func verify(in tree: FileProof.Tree) throws -> ProvedFiles.File {
    var head = TreeHead(size: tree.entryCount, root: tree.root)
    for (depth, directory) in directories.enumerated() {
      try directory.place.requireLeaf(directory.leaf, in: head, depth)
      head = TreeHead(size: directory.entryCount, root: directory.root)
    }
    try place.requireLeaf(leaf, in: head, directories.count)
    var metadata: EntryMetadata?
    if case .opened(_, let meta) = place.metadata {
      let found = try EntryMetadata(decoding: meta)
      guard found.attributes.type == .file else {
        throw VarveError(.damaged, "its metadata is not that of a file")
      }
      metadata = found
    }
    return ProvedFiles.File(
      path: path, size: size, digest: size == 0 ? SHA256.digest([]) : digest, metadata: metadata,
      content: content)
  }

  /// The names from the root down, where they are opened.
  private var path: [UInt8]? {
    var path: [UInt8] = []
    for name in directories.map(\.place.name) + [place.name] {
      guard case .opened(_, let value) = name else { return nil }
      path.append(UInt8(ascii: "/"))
      path += value
    }
    return path
  }

  private var leaf: [UInt8] {
    var field = ByteWriter(reservingCapacity: 40)
    field.u64(size)
    field.digest(digest)
    var writer = place.leafHeader(1)
    writer.digest(FileProof.Field.opened(salt: salt, value: field.bytes).commitment)
    return writer.bytes
  }
}

extension FileProof.Directory {
  fileprivate var leaf: [UInt8] {
    var writer = place.leafHeader(2)
    writer.u64(entryCount)
    writer.digest(root)
    return writer.bytes
  }
}

extension FileProof.Place {
  /// What the leaves of all entries begin with (docs/format.md, section 9.1).
  fileprivate func leafHeader(_ kind: UInt8) -> ByteWriter {
    var writer = ByteWriter(reservingCapacity: 105)
    writer.u8(kind)
    writer.digest(name.commitment)
    writer.digest(metadata.commitment)
    return writer
  }

  fileprivate func requireLeaf(_ leaf: [UInt8], in head: TreeHead, _ depth: Int) throws {
    guard
      MerkleProof.verifyInclusion(
        of: MerkleHash.leaf(leaf), index: index, in: head, proof: path)
    else {
      throw VarveError(
        .unproved,
        "level \(depth + 1) is not entry \(index) of the \(head.size) of its directory")
    }
  }
}

extension FileProof.Field {
  /// `C_k` (docs/format.md, section 9.1).
  public var commitment: Digest {
    switch self {
    case .hidden(let commitment): commitment
    case .opened(let salt, let value):
      value.withUnsafeBytes { EntryCommitment.commitment(salt: salt, field: $0) }
    }
  }
}
