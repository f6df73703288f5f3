internal import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveProof
internal import VarveRepository

/// What a partial snapshot holds of a directory that is not complete: a node of the entries that are, and for the change cache
/// a record of them and of what was known before of the others (format: ChangeCacheFormat.swift).
///
/// Nothing of the directory itself is changed: the walk goes on as if it had never been looked at.
extension BackupWorker {
  /// The tree as far as it is complete.
  struct PartialTree {
    var node: NodeReference
    /// Where the root directory's record is.
    var record: UInt64
    /// Whether anything was carried over from the snapshot of the cache, or from a base of it.
    var carriesSnapshot = false
    var carriesBases = false
  }

  /// An entry as a partial snapshot and its cache have it.
  private struct PartialEntry {
    var signature: FileSignature
    var child: UInt64
    var body: UnsafeRawBufferPointer
    var leaf: Digest
    /// Not in the snapshot.
    var isCarriedOver = false
  }

  /// A directory in work that has been encoded, as its parent needs it.
  private struct Encoded {
    var node: NodeReference
    var record: UInt64
    var signature: FileSignature
    /// The leaf hash, and the body behind it.
    var entry: [UInt8]
  }

  /// Encodes what is done of the tree.
  ///
  /// - Returns: nil when the root is not even listed.
  func encodePartialTree(_ frontier: BackupFrontier) throws -> PartialTree? {
    guard let root = frontier.root else { return nil }
    reportsProblems = false
    defer { reportsProblems = true }
    var tree = PartialTree(
      node: NodeReference(id: .zero, root: .zero, count: 0), record: ChangeCacheFormat.noRecord)
    var done: [ObjectIdentifier: Encoded] = [:]
    for job in frontier.jobs {
      let arenas = job.arenas.withLock { $0 }
      func forEach(_ use: (PartialEntry) throws -> Void) rethrows {
        try forEachEntry(
          job, arenas,
          inner: { index in
            frontier.child(of: job, at: index).flatMap { done[ObjectIdentifier($0)] }
          }, use)
      }
      nodes.reset()
      var commitments = MerkleFrontier()
      try forEach { entry in
        guard !entry.isCarriedOver else { return }
        try nodes.append(entry.body, store: store(node:))
        commitments.append(leafHash: entry.leaf)
      }
      let (id, count) = try nodes.finish(store: store(node:))
      let node = NodeReference(id: id, root: commitments.root, count: count)
      let record = try writePartialRecord(job, node, &tree, forEach)
      if job === root {
        (tree.node, tree.record) = (node, record)
      } else if let entry = try encodeEntry(of: job, node) {
        done[ObjectIdentifier(job)] = Encoded(
          node: node, record: record, signature: job.signature, entry: entry)
      }
    }
    return tree
  }

  private func forEachEntry(
    _ job: DirectoryJob, _ arenas: [[UInt8]], inner: (Int) -> Encoded?,
    _ use: (PartialEntry) throws -> Void
  ) rethrows {
    for index in job.entries.indices {
      let entry = job.entries[index]
      switch entry.place {
      case .arena:
        let place = entry.arenaPlace
        try arenas[place.index].withUnsafeBytes { bytes in
          try use(
            PartialEntry(
              signature: entry.signature, child: entry.record,
              body: UnsafeRawBufferPointer(rebasing: bytes[place.body]),
              leaf: Digest(loading: bytes.baseAddress! + place.leaf)))
        }
      case .cached:
        guard let cached = job.cached?.entry(entry.cached) else { continue }
        try use(
          PartialEntry(
            signature: entry.signature, child: entry.record, body: cached.body, leaf: cached.leaf))
      case .none:
        if let inner = inner(index) {
          try inner.entry.withUnsafeBytes { bytes in
            try use(
              PartialEntry(
                signature: inner.signature, child: inner.record,
                body: UnsafeRawBufferPointer(rebasing: bytes[Digest.byteCount...]),
                leaf: Digest(loading: bytes.baseAddress!)))
          }
        } else if let cached = job.cached?.entry(entry.cached) {
          try use(
            PartialEntry(
              signature: cached.signature, child: cached.childField, body: cached.body,
              leaf: cached.leaf, isCarriedOver: true))
        }
      }
    }
    if let cached = job.cached { cached.release(0..<cached.count) }
  }

  private func writePartialRecord(
    _ job: DirectoryJob, _ node: NodeReference, _ tree: inout PartialTree,
    _ forEach: ((PartialEntry) throws -> Void) throws -> Void
  ) throws -> UInt64 {
    guard let cacheWriter = session.cacheWriter else { return ChangeCacheFormat.noRecord }
    // Records in another file cannot be referred to.
    let carries = cacheWriter.sharesOldRecords
    var count = 0
    var bodiesLength = 0
    var (carriesSnapshot, carriesBases) = (false, false)
    try forEach { entry in
      if entry.isCarriedOver {
        guard carries else { return }
        if job.isOfBase || entry.child & ChangeCacheFormat.carriedOver != 0 {
          carriesBases = true
        } else {
          carriesSnapshot = true
        }
      }
      count += 1
      bodiesLength += entry.body.count
    }
    guard
      ChangeRecordWriter.length(count: count, bodiesLength: bodiesLength)
        <= ChangeRecordWriter.limit
    else { return ChangeCacheFormat.noRecord }
    if carriesSnapshot { tree.carriesSnapshot = true }
    if carriesBases { tree.carriesBases = true }
    var record = ChangeRecordWriter(
      cacheWriter.records, count: count, bodiesLength: bodiesLength, node: node, isPartial: true)
    try forEach { entry in
      guard carries || !entry.isCarriedOver else { return }
      record.add(
        entry.signature, bodyLength: entry.body.count,
        child: entry.child | (entry.isCarriedOver ? ChangeCacheFormat.carriedOver : 0),
        leaf: entry.leaf)
    }
    try forEach { entry in
      if carries || !entry.isCarriedOver { record.add(entry.body) }
    }
    return record.finish()
  }

  /// The leaf hash and the body of the entry of a directory in work; nil when it cannot be encoded.
  private func encodeEntry(of job: DirectoryJob, _ node: NodeReference) throws -> [UInt8]? {
    guard let parent = job.parent else { return nil }
    var entry = parent.entries[job.index]
    entry.signature = job.signature
    var bytes = ByteWriter(reservingCapacity: 160)
    try encodeDirectory(job, in: parent, &entry, node, into: &bytes, 0)
    return entry.place == .arena ? bytes.bytes : nil
  }
}
