package import VarveFormat
package import VarveProof

/// A log as far as it has been read: its Merkle tree, the state it folds to, and where its commits
/// begin.
///
/// `append` verifies everything that docs/format.md, section 12 asks for: canonical form, the
/// signature, by an author known and not removed at that point, of a role that allows it, the
/// repository, the entry's position against the tree computed here, and the chain of the author's
/// entries.
package struct LogFold: Sendable {
  package private(set) var tree = MerkleTree()
  package private(set) var state: LogState
  /// The sizes at which commits were appended, ascending.
  private(set) var commitStarts: [UInt64] = []
  /// Bytes that the commits so far take in the client's copy.
  private(set) var copyByteCount: UInt64 = 0

  /// The tree's head; costs O(log n) hashes.
  package var head: TreeHead { tree.head }

  private let repository: Digest
  /// The digest of the object `config`.
  let config: Digest

  package init(config: RepositoryConfig, configDigest: Digest) {
    repository = config.id
    self.config = configDigest
    state = LogState(config: config, configDigest: configDigest)
  }

  /// A fold that was stored before.
  init(
    config: RepositoryConfig, configDigest: Digest, tree: MerkleTree, state: LogState,
    commitStarts: [UInt64], copyByteCount: UInt64
  ) {
    repository = config.id
    self.config = configDigest
    self.tree = tree
    self.state = state
    self.commitStarts = commitStarts
    self.copyByteCount = copyByteCount
  }

  /// Whether `bytes` are the newest commit.
  package func endsWith(commit bytes: [UInt8]) -> Bool {
    guard let start = commitStarts.last,
      let entries = try? EntryBundle.entries(
        of: bytes, limit: LogEntry.commitLimit, ObjectName.commit(start)),
      start + UInt64(entries.count) == tree.size
    else { return false }
    return entries.enumerated().allSatisfy { offset, entry in
      MerkleHash.leaf(entry) == tree.leafHash(start + UInt64(offset))
    }
  }

  /// Appends a commit.
  ///
  /// - Parameters:
  ///   - name: what errors call it; nil for its object's name.
  ///   - isVerified: whether these bytes were verified before, so that signatures need not be.
  ///   - visit: told of each entry once it has been taken in.
  /// - Throws: `VarveError.Code.damaged` naming the commit, `unauthorized`, or `unsupportedFormat`; what `visit`
  ///   throws. The fold is then of no use any more, but `tree.size` is the index of the entry that was refused.
  package mutating func append(
    commit bytes: [UInt8], named name: String? = nil, isVerified: Bool = false,
    visit: (LogEntry) throws -> Void = { _ in }
  ) throws {
    let start = tree.size
    let base = isVerified ? nil : head
    let name = name ?? ObjectName.commit(start)
    let entries = try EntryBundle.entries(of: bytes, limit: LogEntry.commitLimit, name)
    guard !entries.isEmpty else { throw VarveError(.damaged, "\(name) is damaged: it is empty") }
    for bytes in entries {
      let what = entries.count == 1 ? name : "\(name), entry \(tree.size),"
      let entry = try parse(bytes, isVerified: isVerified, what)
      if let base { try verify(entry, on: base, what) }
      state.fold(entry.statement)
      tree.append(entry: bytes)
      try visit(entry)
    }
    commitStarts.append(start)
    copyByteCount += ClientState.copyByteCount(bytes)
  }

  /// Only what a known author has signed can be a newer program's; anything else that is not
  /// understood is damage.
  private func parse(_ bytes: [UInt8], isVerified: Bool, _ what: String) throws -> LogEntry {
    do {
      return try LogEntry(
        bytes, index: tree.size, config: config, isVerified: isVerified, what)
    } catch let error as VarveError where error.code == .unsupportedFormat {
      let envelope = try DSSEEnvelope(bytes, what)
      guard let author = state.authors[envelope.keyID], envelope.isSigned(by: author.publicKey)
      else { throw VarveError(.damaged, "\(what) is damaged: its signature is not valid") }
      throw error
    }
  }

  private func verify(_ entry: LogEntry, on base: TreeHead, _ what: String) throws {
    let statement = entry.statement
    guard let author = state.authors[statement.author] else {
      throw VarveError(
        .damaged, "\(what) is damaged: nobody with the key \(statement.author) is known")
    }
    guard entry.envelope.isSigned(by: author.publicKey) else {
      throw VarveError(.damaged, "\(what) is damaged: its signature is not valid")
    }
    guard statement.repository == repository else {
      throw VarveError(.damaged, "\(what) belongs to another repository")
    }
    guard statement.position.index == entry.index, statement.position.size == base.size,
      statement.position.root == base.root
    else { throw VarveError(.damaged, "\(what) was signed for another place in the log") }
    guard statement.previous == author.newestEntry else {
      throw VarveError(.damaged, "\(what) does not follow its author's previous entry")
    }
    try state.validate(statement, what)
    try verifyCheckpoint(of: statement, on: base, what)
  }

  /// The size at which the commit of entry `index` was appended; `index` must be below the size.
  func commitStart(ofEntry index: UInt64) -> UInt64 {
    var low = 0
    var high = commitStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if commitStarts[middle] <= index { low = middle } else { high = middle }
    }
    return commitStarts[low]
  }
}
