internal import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveProof
internal import VarveStorage

/// Opens every snapshot record, compares it with its log entry, and walks all trees, each distinct directory once, on all
/// workers.
///
/// A directory counts as visited under its node, its number of entries and its proof root together, since
/// those are what an entry claims about it.
final class TreeCheck: Sendable {
  /// What the walk found.
  struct Walked: Sendable {
    struct Missing: Sendable {
      var first: Digest
      var count = 1
    }

    /// Chunks looked up.
    var chunks: UInt64 = 0
    /// Nodes that cannot be read or are not canonical.
    var lostNodes: Set<Digest> = []
    /// Packs in which something was expected and not found.
    var suspectPacks: Set<Digest> = []
    /// Snapshots whose records do not open, or whose link tables cannot be read.
    var lostSnapshots: Set<Digest> = []
    /// By the snapshot at which the walk met them: what no index segment has.
    var missing: [Digest: Missing] = [:]

    var hasLosses: Bool { !lostNodes.isEmpty || !lostSnapshots.isEmpty || !missing.isEmpty }
  }

  private let session: CheckSession
  private let unlocked: UnlockedRepository
  private let checked: CheckedIndex
  private let keyring: PackKeyring
  private let lost: LostPlaces
  private let records: RecordCheck
  private let walked = Mutex(Walked())
  private let visited = Mutex(DigestSet())
  private let queue = DirectoryQueue()

  init(
    session: CheckSession, unlocked: UnlockedRepository, checked: CheckedIndex,
    keyring: PackKeyring, lost: LostPlaces
  ) throws {
    self.session = session
    self.unlocked = unlocked
    self.checked = checked
    self.keyring = keyring
    self.lost = lost
    records = try RecordCheck(unlocked)
  }

  func run(_ snapshots: [Digest]) throws -> Walked {
    try session.began(.trees)
    session.progress.snapshotsTotal.store(UInt64(snapshots.count), ordering: .relaxed)
    let next = Atomic<Int>(0)
    try WorkerThreads.run(count: session.workers) { [self] _ in
      let worker = try makeWorker()
      do {
        // Trees first: a worker takes another snapshot only when there is no directory left.
        while true {
          while let task = queue.take() {
            try worker.check(task)
            queue.finish()
          }
          let number = next.add(1, ordering: .relaxed).oldValue
          guard number < snapshots.count else { break }
          try worker.check(snapshot: snapshots[number])
          session.progress.snapshotsChecked.add(1, ordering: .relaxed)
        }
        while let task = queue.wait() {
          try worker.check(task)
          queue.finish()
        }
      } catch {
        queue.abort()
        throw error
      }
    }
    return walked.withLock { $0 }
  }

  private func makeWorker() throws -> TreeCheckWorker {
    TreeCheckWorker(
      check: self,
      reader: ChunkReader(index: checked.index, storage: session.storage, keyring: keyring),
      proofs: session.verifiesProofRoots
        ? ProofRootBuilder(proofKey: try unlocked.keys.proofKey()) : nil)
  }

  func cancellationCheck() throws { try session.cancellation.check() }

  func record(_ snapshot: Digest) throws -> SnapshotRecord? {
    do {
      return try unlocked.snapshotRecord(snapshot)
    } catch {
      try session.add(ObjectName.snapshot(snapshot), error)
      walked.withLock { _ = $0.lostSnapshots.insert(snapshot) }
      return nil
    }
  }

  /// A record that says another thing than its entry can be restored, but it is not what was promised to whoever has no key.
  func compare(_ snapshot: Digest, _ record: SnapshotRecord) throws {
    do {
      guard let message = try records.contradiction(of: snapshot, record) else { return }
      session.add(
        CheckReport.Damage(
          object: ObjectName.snapshot(snapshot), kind: .damaged, message: message))
    } catch {
      // The log's damage, which was found before.
      _ = try CheckSession.kind(of: error)
      session.addNotChecked(
        "whether snapshot records say what their log entries say, where the log is damaged")
    }
  }

  /// Queues a directory unless it has been.
  func visit(_ task: DirectoryTask) {
    var writer = ByteWriter(reservingCapacity: 72)
    writer.digest(task.content.id)
    writer.digest(task.content.proofRoot)
    writer.u64(task.content.entryCount)
    let key = SHA256.digest(writer.bytes)
    if visited.withLock({ $0.insert(key) }) { queue.add(task) }
  }

  /// Whether a chunk-list node has not been visited before.
  func isNew(_ list: Digest) -> Bool { visited.withLock { $0.insert(list) } }

  func count(nodes: UInt64) { session.progress.treeNodes.add(nodes, ordering: .relaxed) }

  /// Counts the chunks of a file and notes those that no segment has.
  func look(up chunks: [ChunkReference], for snapshot: Digest) {
    let index = checked.index
    let missing = chunks.lazy.map(\.address).filter { !index.contains($0) }
    walked.withLock { $0.chunks += UInt64(chunks.count) }
    for address in missing { note(missing: address, for: snapshot) }
  }

  private func note(missing: Digest, for snapshot: Digest) {
    walked.withLock {
      if $0.missing[snapshot] == nil {
        $0.missing[snapshot] = Walked.Missing(first: missing)
      } else {
        $0.missing[snapshot]?.count += 1
      }
    }
  }

  func note(lostLinksOf snapshot: Digest) {
    walked.withLock { _ = $0.lostSnapshots.insert(snapshot) }
  }

  /// Notes that a node or chunk cannot be read or understood.
  ///
  /// Where it was read at all and is not what it should be, its pack is to blame by name; where the pack
  /// does not give it, the pack is read whole later and says what is wrong.
  func note(lost id: Digest, _ error: any Error, isAuthentic: Bool, for snapshot: Digest) throws {
    _ = try CheckSession.kind(of: error)
    walked.withLock { _ = $0.lostNodes.insert(id) }
    guard let location = checked.index.locate(id) else {
      note(missing: id, for: snapshot)
      return
    }
    if isAuthentic {
      try session.add(ObjectName.pack(location.pack), error)
    } else if !lost.contains(location) {
      walked.withLock { _ = $0.suspectPacks.insert(location.pack) }
    }
  }

  func note(wrongProofRootOf id: Digest) {
    guard let location = checked.index.locate(id) else { return }
    session.add(
      CheckReport.Damage(
        object: ObjectName.pack(location.pack), kind: .damaged,
        message: "the directory in node \(id) does not have the proof root that is recorded for it")
    )
  }
}
