internal import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveStorage

/// One plan and what becomes of it.
final class PruneWork {
  private let prune: Prune
  private let marker: SessionMarker?
  private let repository: IndexedRepository
  private let live: LiveChunks
  private let used: SlotUse
  private let tally: PackTally
  private let repacked: [PackTally.Pack]
  /// Segments and the packs that each lists.
  private var replaced: [Digest: Set<Digest>] = [:]
  private(set) var plan = PrunePlan()
  /// What the plan condemns or sweeps, and storage does not have: nothing is freed by deleting it.
  private var absent: Set<String> = []
  /// The state on top of which the plan is committed: the one it was made for, or that and its own sweep.
  private var base: LogState
  /// What must not have changed until then.
  private var deletions: LogState.Deletions

  /// The log has grown since the plan was compared with it.
  private struct LogHasGrown: Error {}

  private var log: Log { prune.unlocked.log }
  private var storage: any StorageBackend { prune.unlocked.storage }

  // MARK: Plan

  /// - Parameter forgotten: for a plan that is only shown.
  init(
    _ prune: Prune, marker: SessionMarker?, supposingForgotten forgotten: [Digest] = []
  ) throws {
    self.prune = prune
    self.marker = marker
    repository = try prune.unlocked.onNewestState {
      try IndexedRepository(
        prune.unlocked, at: $0.supposing(forgotten: forgotten), to: Prune.act)
    }
    live = LiveChunks(
      workers: prune.workers, progress: prune.progress, cancellation: prune.cancellation)
    let state = repository.state
    base = state
    deletions = state.deletions
    let now = try marker?.startTime() ?? WallClock.now()
    try live.add(state, in: repository, now: now)
    used = live.slots
    tally = try PackTally(repository.index, used)
    repacked = prune.choosePacks(tally, &plan)
    let objects = repository.liveObjects
    plan.unindexedPacks = UInt64(objects.packs.keys.count { tally[$0] == nil })
    let condemned = plan.condemnedPacks
    try chooseSegments(condemned)
    let sessions = try Sessions(storage, except: marker, now: now)
    let stored = try StoredObjects(
      storage, state, objects, sessions: sessions,
      orphanAge: max(prune.options.grace, StoredObjects.leastAge), now: now)
    absent = stored.absent
    try stored.requireSound(tally)
    plan.records = stored.records
    plan.heldWithLosses = live.snapshotsWithLosses
    // A lost pack may turn up again, and then make a snapshot whole that is to be kept.
    plan.lost = plan.heldWithLosses.isEmpty ? stored.lost : []
    // What a list that cannot be read may have listed is left alone, whatever a repair has found of it.
    plan.orphans = repository.hasUnlisted ? [] : stored.orphans
    plan.sparedOrphans =
      stored.sparedOrphans + UInt64(stored.orphans.count - plan.orphans.count)
    plan.leftovers = stored.leftovers
    for condemnation in prune.sweepable(state) {
      plan.sweptEntries.append(condemnation.entry)
      for object in try condemnation.objects.objects(in: storage) {
        plan.sweptByteCount += object.size
      }
    }
    try countWaiting(state)
    if marker != nil { for name in sessions.deadMarkers { try? storage.remove(name) } }
  }

  /// What was condemned before and is not swept yet; the entries' times are those of their authors' clocks.
  private func countWaiting(_ state: LogState) throws {
    let swept = Set(plan.sweptEntries)
    for condemnation in state.openCondemnations where !swept.contains(condemnation.entry) {
      do {
        for object in try condemnation.objects.objects(in: storage) {
          plan.waitingObjects += 1
          plan.waitingByteCount &+= object.size
        }
      } catch let error as VarveError where error.isOfObject {
        // An inventory that is lost: how many they are is not known.
      }
      let (end, overflow) = condemnation.time.seconds.addingReportingOverflow(prune.options.grace)
      let free = Timestamp(seconds: overflow ? Prune.endOfTime : min(end, Prune.endOfTime))
      plan.waitingUntil = max(plan.waitingUntil ?? free, free)
    }
  }

  /// Segments that list packs which go, and short ones where there are many.
  private func chooseSegments(_ condemned: Set<Digest>) throws {
    var short: [Digest: Set<Digest>] = [:]
    for name in repository.liveObjects.indexSegments.keys {
      let (packs, rowCount) = try contents(ofSegment: name)
      if !packs.isDisjoint(with: condemned) { replaced[name] = packs }
      if rowCount < ChunkStore.rowLimit / 16 { short[name] = packs }
    }
    if short.count > Prune.shortSegmentLimit {
      replaced.merge(short) { packs, _ in packs }
    }
    plan.replacedSegments = replaced.keys.map { reference(toSegment: $0) }.sorted()
  }

  private func contents(ofSegment name: Digest) throws -> (packs: Set<Digest>, rowCount: Int) {
    try withView(ofSegment: name) { view in
      (Set(try (0..<view.packCount).map { try view.pack(at: $0).name }), view.rowCount)
    }
  }

  /// A view is of use only while its segment is mapped.
  private func withView<Result>(
    ofSegment name: Digest, _ body: (IndexSegmentView) throws -> Result
  ) throws -> Result {
    let segment = try repository.segment(name)
    return try withExtendedLifetime(segment) { try body(segment.view) }
  }

  private func reference(toSegment name: Digest) -> ObjectReference {
    ObjectReference(
      name: ObjectName.index(name), size: repository.liveObjects.indexSegments[name] ?? 0)
  }

  // MARK: Execution

  /// - Parameter deleted: what was deleted for earlier plans of this prune; what is deleted for this one is added.
  func run(_ deleted: inout PruneReport.Deleted) throws -> PruneReport {
    var report = PruneReport(plan)
    try delete(plan.leftovers, &deleted)
    try sweep(&deleted)
    if !plan.condemned.isEmpty {
      try condemn(&report)
      if prune.options.grace == 0 { try sweep(&deleted) }
    }
    report.deleted = deleted
    return report
  }

  private func condemn(_ report: inout PruneReport) throws {
    // Of the log as far as it was read for the sweep.
    guard log.state.deletions == deletions else { throw Prune.PlanIsOutdated() }
    let packs = plan.condemnedPacks
    let store = try repository.makeStore(level: .auto, verifies: true, storage: storage)
    defer { store.end() }
    let added: [ObjectReference]
    do {
      added = try copy(packs, to: store)
    } catch let error as VarveError {
      // No entry names it yet, and where there is no room the next attempt would have even less.
      if error.code != .interrupted, error.code != .unavailable { store.discard() }
      throw error.isOfSpace ? Self.withoutRoom(error) : error
    }
    let additions = try ObjectList(storing: added, in: storage)
    let condemned = try commit(packs, additions)
    guard let condemned else { return }
    report.condemnation = condemned.entry
    report.condemnedObjects = UInt64(condemned.objects.count)
    report.condemnedByteCount = condemned.objects.reduce(0) { $0 + $1.size }
    report.savedPacks = UInt64(condemned.saved)
    report.storedObjects = UInt64(added.count)
    report.storedByteCount = added.reduce(0) { $0 + $1.size }
  }

  /// Stores what is used of the packs that go, and an index without them.
  ///
  /// - Returns: what was stored.
  private func copy(_ packs: Set<Digest>, to store: ChunkStore) throws -> [ObjectReference] {
    try Repacking(
      repository: repository, store: store, used: used, workers: prune.workers,
      progress: prune.progress, cancellation: prune.cancellation
    ).run(repacked)
    try writeSegments(without: packs, to: store)
    let added = try store.finish(by: try store.makeWriter())
    do {
      try verify(packs)
    } catch {
      store.giveBack(added)
      throw error
    }
    return added
  }

  private static func withoutRoom(_ error: VarveError) -> VarveError {
    VarveError(
      error.code, error.message,
      hint:
        "'varve prune --max-unused unlimited' frees packs of which nothing is used, and copies none; "
        + "what was condemned before is deleted already", cause: error.cause)
  }

  private func writeSegments(without packs: Set<Digest>, to store: ChunkStore) throws {
    var rows = IndexSegmentBuilder()
    for name in replaced.keys.sorted() {
      try prune.cancellation.check()
      try withView(ofSegment: name) { view in
        if rows.rowCount > 0, rows.rowCount + view.rowCount > ChunkStore.rowLimit {
          try store.write(segment: rows)
          rows = IndexSegmentBuilder()
        }
        try rows.add(view) { [repository] in
          !packs.contains($0.name)
            && repository.liveObjects.contains(pack: $0.name, size: $0.size)
        }
      }
    }
    if rows.packCount > 0 { try store.write(segment: rows) }
  }

  /// Requires that each chunk that is needed and lies in a pack that goes is somewhere else, too.
  private func verify(_ packs: Set<Digest>) throws {
    for table in repository.index.list {
      try prune.cancellation.check()
      var numbers: [Digest?] = []
      for number in 0..<table.packCount {
        let pack = try table.pack(at: number)
        numbers.append(packs.contains(pack.name) ? pack.name : nil)
      }
      guard numbers.contains(where: { $0 != nil }) else { continue }
      try table.forEachRow { row in
        let place = row.location
        guard Int(place.pack) < numbers.count, let pack = numbers[Int(place.pack)],
          used.contains(pack, block: place.block, slot: place.slot)
        else { return }
        guard repository.index.contains(row.address, inPackWhere: { !packs.contains($0) }) else {
          throw VarveError(
            .damaged,
            "\(ObjectName.pack(pack)) has another chunk where the index says \(row.address) is",
            hint: "run 'varve check --read-data' to see every object and file that is affected")
        }
      }
    }
  }

  private struct Condemned {
    let entry: UInt64
    let objects: [ObjectReference]
    let saved: Int
  }

  /// Appends the entries, on top of whatever others have appended meanwhile.
  ///
  /// - Returns: nil when nothing is left to condemn.
  private func commit(_ packs: Set<Digest>, _ additions: ObjectList) throws -> Condemned? {
    var packs = packs
    let planned = packs
    var state = base
    var walked = Set(state.snapshotsInOrder.map(\.id))
    var records = plan.records
    var orphans = plan.orphans
    while true {
      try prune.cancellation.check()
      let kept = packs
      // A segment that lists a pack which stays after all must stay, too: no new one lists it.
      let segments = replaced.filter { $0.value.isDisjoint(with: planned.subtracting(kept)) }
      let objects =
        ((plan.deadPacks + plan.repackedPacks).filter { $0.digest.map(kept.contains) ?? false }
        + segments.keys.map { reference(toSegment: $0) } + records + plan.lost + orphans).sorted()
      guard !objects.isEmpty else { return nil }
      let list = try ObjectList(storing: objects, in: storage)
      do {
        let entries = try log.append { current in
          guard current.size == state.size else { throw LogHasGrown() }
          var bodies: [LogStatement.Body] = []
          if !additions.isEmpty {
            bodies.append(
              .repack(
                .init(additions: additions, reason: repacked.isEmpty ? .index : .prune)))
          }
          bodies.append(.condemn(.init(objects: list)))
          return bodies
        }
        return Condemned(
          entry: entries.last ?? 0, objects: objects, saved: planned.count - packs.count)
      } catch is LogHasGrown {
        let newer = log.state
        guard newer.deletions == deletions else { throw Prune.PlanIsOutdated() }
        let fresh = try IndexedRepository(prune.unlocked, at: newer, to: Prune.act)
        let new = newer.snapshotsInOrder.map(\.id).filter { !walked.contains($0) }
        packs.subtract(try needed(by: new, in: fresh, of: packs))
        walked.formUnion(new)
        records = records.filter { $0.digest.map { newer.forgotten[$0] != nil } ?? false }
        orphans = orphans.filter { !newer.names($0, fresh.liveObjects) }
        state = newer
      }
    }
  }

  /// Which of `packs` must stay since new snapshots rely on them.
  private func needed(
    by snapshots: [Digest], in fresh: IndexedRepository, of packs: Set<Digest>
  ) throws -> Set<Digest> {
    guard !snapshots.isEmpty else { return [] }
    let saved = Mutex<Set<Digest>>([])
    let known = repository.index
    try live.add(snapshots, in: fresh) { id, location in
      guard packs.contains(location.pack), !saved.withLock({ $0.contains(location.pack) }) else {
        return
      }
      let stays = { (pack: Digest) in !packs.contains(pack) }
      if known.contains(id, inPackWhere: stays) || fresh.index.contains(id, inPackWhere: stays) {
        return
      }
      saved.withLock { _ = $0.insert(location.pack) }
    }
    return saved.withLock { $0 }
  }

  // MARK: Sweeping

  private func sweep(_ deleted: inout PruneReport.Deleted) throws {
    var entries: [UInt64] = []
    var before = base
    try log.append { state in
      before = state
      entries = prune.sweepable(state).map(\.entry)
      return entries.isEmpty ? [] : [.sweep(.init(condemned: entries))]
    }
    guard !entries.isEmpty else { return }
    let state = log.state
    if before.deletions == deletions, state.size == before.size + 1 {
      deletions = state.deletions
      if before.size == base.size { base = state }
    }
    let objects = try KnownObjects(state, storage: storage).live
    for entry in entries {
      guard let condemnation = state.condemnations[entry] else { continue }
      try delete(
        condemnation.objects.objects(in: storage).filter { !state.names($0, objects) }, &deleted)
    }
  }

  private func delete(_ objects: [ObjectReference], _ deleted: inout PruneReport.Deleted) throws {
    let sum = Mutex(PruneReport.Deleted())
    defer {
      sum.withLock {
        deleted.objects += $0.objects
        deleted.byteCount += $0.byteCount
      }
    }
    try ParallelWork.forEach(objects.count, threads: storage.transfersAtOnce, prune.cancellation) {
      [storage, absent, progress = prune.progress] number in
      let object = objects[number]
      try storage.remove(object.name)
      progress.objectsDeleted.add(1, ordering: .relaxed)
      guard !absent.contains(object.name) else { return }
      sum.withLock {
        $0.objects += 1
        $0.byteCount += object.size
      }
    }
  }
}
