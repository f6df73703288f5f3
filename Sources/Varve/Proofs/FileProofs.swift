internal import VarveCrypto
public import VarveFormat
public import VarveProof
public import VarveRepository

/// Makes file proofs (docs/format.md, section 15).
///
/// Only the directories between the root and the files are read, but each of these whole: every entry of it is a leaf.
public struct FileProofs {
  private let repository: IndexedRepository
  private let options: FileProofOptions
  private let cancellation: CancellationFlag
  private let proofKey: HMACSHA256

  /// - Throws: `.forbidden` for a role that cannot read content.
  public init(
    _ repository: IndexedRepository, options: FileProofOptions,
    cancellation: CancellationFlag = CancellationFlag()
  ) throws {
    _ = try repository.requireKeyring()
    self.repository = repository
    self.options = options
    self.cancellation = cancellation
    proofKey = HMACSHA256(key: try repository.unlocked.keys.proofKey())
  }

  /// A proof that the snapshot has the files at `paths`.
  ///
  /// - Throws: `.notFound` for a path that is not there or a snapshot that is not live; `.usage` for one that is no file;
  ///   `.refused` for a snapshot whose entry does not commit to its tree, and for content that shares blocks with that of
  ///   other files; `.missing` and `.damaged`.
  public func make(of paths: [SnapshotPath], in snapshot: Digest) throws -> FileProof {
    guard (1...FileProof.fileLimit).contains(paths.count) else {
      throw VarveError(.usage, "a proof is of 1 to \(FileProof.fileLimit) files")
    }
    let record = try repository.unlocked.snapshotRecord(snapshot)
    let state = repository.log.state
    guard let live = state.snapshots[snapshot] else {
      throw VarveError(.notFound, "the snapshot \(snapshot) is not live")
    }
    let entry = try repository.log.entry(live.entry)
    guard case .snapshot(let addition) = entry.statement.body, let salt = record.treeSalt,
      let commitment = addition.tree
    else {
      throw VarveError(
        .refused, "the log entry of the snapshot \(snapshot) does not commit to its tree",
        hint: "an older version made it; a change of its tags with 'varve tag' makes one that does")
    }
    guard commitment == record.treeCommitment else {
      throw VarveError(.damaged, "the snapshot \(snapshot) has another tree than its log entry")
    }
    guard let author = state.authors[entry.statement.author] else {
      throw VarveError(.damaged, "the author of entry \(live.entry) is not known")
    }
    let files = try paths.map { try file(at: $0, in: record) }
    let proof = FileProof(
      entry: entry.envelope, authorKey: author.publicKey,
      log: try repository.log.proof(ofEntry: live.entry, namesAuthor: false),
      tree: FileProof.Tree(salt: salt, entryCount: record.tree.entries, root: record.tree.root),
      files: files)
    // Whoever gets it verifies the same.
    _ = try proof.verify(by: VerifierKey(text: repository.config.logKey))
    return proof
  }

  private func file(
    at path: SnapshotPath, in record: SnapshotRecord
  ) throws -> FileProof.File {
    guard let last = path.components.last else {
      throw VarveError(.usage, "\(path) is a directory", hint: "name files")
    }
    var directory = record.rootDirectory
    var directories: [FileProof.Directory] = []
    for name in path.components.dropLast() {
      let leaves = try leaves(of: directory, name, path)
      guard case .directory(let content) = try leaves.entry().content else {
        throw VarveError(.notFound, "the snapshot has no \(path)", hint: "see 'varve ls'")
      }
      directories.append(
        FileProof.Directory(
          place: try place(of: leaves, isFile: false), entryCount: content.entryCount,
          root: content.proofRoot))
      directory = content
    }
    let leaves = try leaves(of: directory, last, path)
    guard case .file(let file) = try leaves.entry().content else {
      throw VarveError(.usage, "\(path) is no regular file", hint: "name files; see 'varve ls'")
    }
    return FileProof.File(
      directories: directories, place: try place(of: leaves, isFile: true),
      salt: leaves.commitment(proofKey).salt(3), size: file.size,
      digest: file.size == 0 ? .zero : file.digest,
      content: options.releasesContent ? try release(file, path) : nil)
  }

  private func leaves(
    of directory: DirectoryContent, _ name: [UInt8], _ path: SnapshotPath
  ) throws -> DirectoryLeaves {
    let found = try DirectoryLeaves(
      of: directory, entry: name, proofKey: proofKey, repository, cancellation)
    guard let found else {
      throw VarveError(.notFound, "the snapshot has no \(path)", hint: "see 'varve ls'")
    }
    return found
  }

  private func place(of leaves: DirectoryLeaves, isFile: Bool) throws -> FileProof.Place {
    let fields = try leaves.body.withUnsafeBytes { try CommitmentFields(body: $0) }
    let commitment = leaves.commitment(proofKey)
    func field(_ number: UInt8, _ range: Range<Int>, opens: Bool) -> FileProof.Field {
      let field = FileProof.Field.opened(
        salt: commitment.salt(number), value: Array(leaves.body[range]))
      return opens ? field : .hidden(field.commitment)
    }
    guard let path = leaves.tree.inclusionProof(index: leaves.index, size: leaves.tree.size) else {
      throw VarveError(.damaged, "a directory has no entry \(leaves.index)")
    }
    return FileProof.Place(
      index: leaves.index, name: field(1, fields.name, opens: options.disclosesPath),
      metadata: field(2, fields.meta, opens: isFile && options.disclosesMetadata), path: path)
  }

  private func release(_ file: FileContent, _ path: SnapshotPath) throws -> ReleasedContent {
    let reader = try repository.makeReader()
    var wanted: Set<Digest> = []
    try file.forEachChunk(from: reader) { wanted.insert($0.address) }
    let release = try BlockRelease(repository, wanted: wanted)
    try file.forEachChunk(from: reader) {
      try cancellation.check()
      try release.add($0)
    }
    release.setHoles(file.holes)
    guard release.foreignChunks == 0 || options.releasesSharedBlocks else {
      throw VarveError(
        .refused,
        "the blocks of \(path) also hold \(release.foreignChunks) chunks of other files, which their keys would open",
        hint: "allow that with --shared-blocks")
    }
    return release.content
  }
}

extension DirectoryLeaves {
  fileprivate func entry() throws -> TreeEntry {
    try body.withUnsafeBytes { try TreeEntry(body: $0) }
  }

  fileprivate func commitment(_ proofKey: HMACSHA256) -> EntryCommitment {
    body.withUnsafeBytes { EntryCommitment(proofKey: proofKey, body: $0) }
  }
}
