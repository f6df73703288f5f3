// Rewriting, as `varve rewrite` does it:
//
//     each snapshot's tree without what is excluded (`TreeRewriter`); of a subtree that has nothing of it, the node as it is
//     its link table without the paths that are gone; all new nodes and their index durable (I1)
//     new records; then, in commits of some 80 snapshots, `snapshot` entries for them and, if asked, `forget` entries for the old
//
// The old snapshot must be live when the new one is committed: what the two share is then not condemned (I3). The entry of a
// rewritten snapshot names no `original`, since that would say that it has the same tree; its record does.

internal import VarveCrypto
public import VarveFormat
public import VarveRepository
internal import VarveStorage

/// Makes new snapshots out of old ones, without some paths or with another host or time. Needs an owner's credential.
public struct Rewrite {
  /// Snapshots whose records are exchanged in one commit; each takes an entry, and up to three forget entries come with them.
  private static let commitLimit = 80
  private static let attemptLimit = 5
  static let tag = "rewrite"

  private let unlocked: UnlockedRepository
  private let options: RewriteOptions
  private let filter: PathFilter
  private let cancellation: CancellationFlag

  /// - Throws: `.forbidden` for other roles than the owner; `.usage` for malformed patterns and when there is nothing to
  ///   change.
  public init(
    _ unlocked: UnlockedRepository, options: RewriteOptions,
    cancellation: CancellationFlag = CancellationFlag()
  ) throws {
    try unlocked.require(.owner, to: "rewrite snapshots")
    self.unlocked = unlocked
    self.options = options
    self.cancellation = cancellation
    filter = try PathFilter(
      excludes: options.excludes, caseInsensitiveExcludes: options.caseInsensitiveExcludes)
    guard !filter.takesEverything || options.host != nil || options.time != nil else {
      throw VarveError(
        .usage, "nothing is to be changed", hint: "give --exclude, --new-host or --new-time")
    }
  }

  /// Rewrites `snapshots`, which must be live.
  ///
  /// - Throws: `.notFound` when one of them was forgotten meanwhile; `.forbidden` when one that would be forgotten is held:
  ///   nothing is done then; `.missing` and `.damaged` when a tree cannot be read; `.interrupted`; `.io`.
  public func run(on snapshots: [Digest]) throws -> RewriteReport {
    let snapshots = snapshots.withoutRepeats()
    var report = RewriteReport()
    var left = snapshots
    for _ in 0..<Self.attemptLimit {
      do {
        try attempt(left, &report)
        return report
      } catch is SessionIsInvalid {
        let done = Set(report.changes.map(\.old) + report.unchanged)
        left = snapshots.filter { !done.contains($0) }
        try unlocked.log.refresh()
      }
    }
    throw VarveError(
      .io, "data that the rewritten snapshots rely on was pruned meanwhile",
      hint: "run the command again when no 'prune --now' is at work")
  }

  /// A snapshot that is to be exchanged, and what of its record is new.
  private struct Planned {
    let old: Digest
    let content: DirectoryContent
    /// Nil where the tree was not read.
    let counts: TreeCounts?
    let links: [Digest]
  }

  private func attempt(_ snapshots: [Digest], _ report: inout RewriteReport) throws {
    let repository = try IndexedRepository(unlocked)
    let storage: any StorageBackend =
      options.dryRun ? DryRunStorage(unlocked.storage) : unlocked.storage
    let store = try repository.makeStore(
      level: .auto, verifies: true, storage: storage, keepsIndex: !options.dryRun)
    defer { store.end() }
    let rewriter = try TreeRewriter(
      source: repository, store: store, proofKey: HMACSHA256(key: try unlocked.keys.proofKey()),
      keepsNodes: true, edit: ExcludeEdit(filter: filter),
      threads: options.workers ?? WorkerThreads.processorCount, cancellation: cancellation)
    let linkTable = try LinkTableChunker(of: unlocked)
    var planned: [Planned] = []
    let live = try headings()
    for snapshot in snapshots {
      let record = try unlocked.snapshotRecord(snapshot)
      let plan = try plan(snapshot, record, rewriter, linkTable)
      if changed(record, by: plan) == record {
        report.unchanged.append(snapshot)
      } else if let present = try existing(
        changed(record, by: plan), of: snapshot, among: live[changed(record, by: plan).time] ?? [])
      {
        report.present[snapshot] = present
      } else {
        planned.append(plan)
      }
    }
    if options.forgets {
      try requireNoHold(
        on: planned.map(\.old) + snapshots.filter { report.present[$0] != nil },
        unlocked.log.state)
    }
    guard !options.dryRun else {
      for plan in planned {
        report.changes.append(change(plan, new: nil, try unlocked.snapshotRecord(plan.old)))
      }
      if options.forgets {
        report.forgotten = snapshots.filter { !report.unchanged.contains($0) }
      }
      return
    }
    try rewriter.flush()
    var added = try store.finish(by: try store.makeWriter())
    for start in stride(from: 0, to: planned.count, by: Self.commitLimit) {
      try cancellation.check()
      let part = Array(planned[start..<min(start + Self.commitLimit, planned.count)])
      report.changes += try commit(part, adding: added, repository, store)
      if options.forgets { report.forgotten += part.map(\.old) }
      added = []
    }
    if options.forgets {
      let left = snapshots.filter { report.present[$0] != nil }
      var old: [Digest] = []
      try unlocked.log.append { state in
        old = left.filter { state.snapshots[$0] != nil }
        try requireNoHold(on: old, state)
        return LogStatement.Forgetting.bodies(forgetting: old, reason: "rewrite")
      }
      report.forgotten += old
    }
  }

  private func plan(
    _ snapshot: Digest, _ record: SnapshotRecord, _ rewriter: TreeRewriter,
    _ linkTable: LinkTableChunker
  ) throws -> Planned {
    if filter.takesEverything {
      return Planned(
        old: snapshot, content: record.rootDirectory, counts: nil, links: record.links)
    }
    let tree: RewrittenTree
    do {
      tree = try rewriter.rewrite(record.rootDirectory)
    } catch let error as VarveError where error.code == .damaged || error.code == .missing {
      throw VarveError(
        error.code, "the snapshot \(snapshot) is not whole", hint: error.hint, cause: error)
    }
    guard tree.content != record.rootDirectory, !record.links.isEmpty else {
      return Planned(
        old: snapshot, content: tree.content, counts: tree.counts, links: record.links)
    }
    let worker = rewriter.worker
    let groups = try LinkTable.groups(of: record, from: worker.reader).map { group in
      group.filter { path in
        !([UInt8(ascii: "/")] + path).withUnsafeBytes { filter.excludes($0) }
      }
    }.filter { $0.count > 1 }
    return Planned(
      old: snapshot, content: tree.content, counts: tree.counts,
      links: try linkTable.store(groups, by: worker.store(node:)))
  }

  /// What the record becomes; itself when there is nothing to change.
  private func changed(_ record: SnapshotRecord, by plan: Planned) -> SnapshotRecord {
    var new = record
    if let host = options.host { new.host = host }
    if let time = options.time { new.time = time }
    let root = plan.content
    if root != record.rootDirectory, let counts = plan.counts {
      new.tree = SnapshotRecord.Tree(id: root.id, root: root.proofRoot, entries: root.entryCount)
      new.links = plan.links
      let patterns = options.excludes + options.caseInsensitiveExcludes
      new.excludes += patterns.filter { !record.excludes.contains($0) }
      new.summary["total_files_processed"] = .integer(Int64(clamping: counts.files))
      new.summary["total_bytes_processed"] = .integer(Int64(clamping: counts.bytes))
    }
    guard new != record else { return record }
    new.original = record.original ?? plan.old
    if !options.forgets, !new.tags.contains(Self.tag) { new.tags.append(Self.tag) }
    return new
  }

  private typealias Heading = (id: Digest, heading: SnapshotHeading)

  /// The headings of all live snapshots that can be read, by time.
  private func headings() throws -> [Timestamp: [Heading]] {
    let live = unlocked.liveSnapshots
    let known: [Heading] = zip(live, try unlocked.eachSnapshotHeading(live)).compactMap {
      id, heading in
      (try? heading.get()).map { (id, $0) }
    }
    return Dictionary(grouping: known, by: \.heading.time)
  }

  /// A live snapshot that is already what `snapshot` would become: of an earlier run.
  private func existing(
    _ record: SnapshotRecord, of snapshot: Digest, among live: [Heading]
  ) throws -> Digest? {
    for (id, heading) in live
    where id != snapshot && heading.host == record.host && heading.paths == record.paths
      && heading.isPartial == record.isPartial
    {
      let other: SnapshotRecord
      do {
        other = try unlocked.snapshotRecord(id)
      } catch let error as VarveError where error.isOfObject {
        continue
      }
      if other.original == record.original && other.tree == record.tree
        && other.links == record.links && other.unfinished == record.unfinished
      {
        return id
      }
    }
    return nil
  }

  private func change(
    _ plan: Planned, new: Digest?, _ record: SnapshotRecord
  ) -> RewriteReport.Change {
    func removed(_ member: String, _ left: UInt64?) -> UInt64? {
      guard let left, case .integer(let before)? = record.summary[member] else {
        return nil
      }
      return UInt64(exactly: before).map { $0 > left ? $0 - left : 0 }
    }
    let counts = plan.counts
    return RewriteReport.Change(
      old: plan.old, new: new, files: counts?.files, bytes: counts?.bytes,
      removedFiles: removed("total_files_processed", counts?.files),
      removedBytes: removed("total_bytes_processed", counts?.bytes))
  }

  // MARK: Commit

  private func commit(
    _ part: [Planned], adding added: [ObjectReference], _ repository: IndexedRepository,
    _ store: ChunkStore
  ) throws -> [RewriteReport.Change] {
    let ids = try unlocked.keys.opaqueIDs()
    var changes: [RewriteReport.Change] = []
    var additions: [LogStatement.Body] = []
    var objects = try ObjectList(storing: added, in: unlocked.storage)
    for plan in part {
      let record = try unlocked.snapshotRecord(plan.old)
      var new = changed(record, by: plan)
      new.treeSalt = SecureRandom.digest()
      let bytes = try unlocked.seal(new)
      let id = SHA256.digest(bytes)
      try unlocked.storage.put(ObjectName.snapshot(id), bytes)
      additions.append(
        .snapshot(
          try LogStatement.SnapshotAddition(
            snapshot: id, record: new, additions: objects, parent: new.parent,
            original: original(of: plan, record), ids: ids)))
      objects = .listed([])
      changes.append(change(plan, new: id, record))
    }
    let forgotten =
      options.forgets
      ? LogStatement.Forgetting.bodies(forgetting: part.map(\.old), reason: "rewrite") : []
    try unlocked.log.append { state in
      for plan in part where state.snapshots[plan.old] == nil {
        throw VarveError(
          .notFound, "the snapshot \(plan.old) was forgotten meanwhile",
          hint: "list the snapshots again")
      }
      if options.forgets { try requireNoHold(on: part.map(\.old), state) }
      for change in changes {
        guard let new = change.new else { continue }
        let isInvalid = try store.isInvalid(
          in: state, since: repository.state.size, record: ObjectName.snapshot(new))
        if isInvalid { throw SessionIsInvalid() }
      }
      return additions + forgotten
    }
    return changes
  }

  /// What the log is to name: a snapshot of the same tree and source, so none where either has changed.
  private func original(of plan: Planned, _ record: SnapshotRecord) -> Digest? {
    guard plan.content == record.rootDirectory, options.host == nil else { return nil }
    return unlocked.log.state.snapshots[plan.old]?.original ?? plan.old
  }

  private func requireNoHold(on snapshots: [Digest], _ state: LogState) throws {
    let now = WallClock.now()
    for snapshot in snapshots {
      guard let hold = state.hold(on: snapshot, at: now) else { continue }
      throw VarveError(
        .forbidden,
        "the snapshot \(snapshot) cannot be forgotten: log entry \(hold.entry) holds it",
        hint: hold.term == .permanent
          ? "rewrite it without --forget: the old snapshot then stays"
          : "release the hold first, with 'varve hold remove', or rewrite it without --forget")
    }
  }
}

/// Leaves out what exclude patterns match.
private struct ExcludeEdit: TreeEdit {
  let filter: PathFilter

  var dependsOnPaths: Bool { true }

  func decide(
    _ entry: RawTreeEntry, at path: UnsafeRawBufferPointer, by worker: RewriteWorker
  ) throws -> EntryDecision {
    filter.excludesEntry(path) ? .drop : .keep
  }
}
