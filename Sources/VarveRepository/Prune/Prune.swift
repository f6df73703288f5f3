// Pruning, as docs/design.md, section 1 has it:
//
//     mark       the chunks that live snapshots need
//     plan       which packs nothing needs, which are worth copying, what else is garbage; shown before it is done
//     copy       what is used of the packs that go; new index segments without them      <- all durable (I1)
//     verify     that every needed chunk is in a pack that stays, copies included
//     commit     a repack entry, then the condemn entry (I6), on top of the state that the plan was made for
//                another author was first: what its snapshots need is taken out of the plan, then again
//     sweep      condemn entries older than the grace period: a sweep entry, then deletion
//
// Until the commit nothing has changed but that there are more objects. After it the condemned packs serve nobody,
// whatever happens. Deletion can stop anywhere: the next prune finds what was swept and is there still.

internal import Synchronization
internal import VarveCrypto
import VarveFormat
internal import VarveStorage

/// Frees what no snapshot needs. Needs an owner's credential; backups may run meanwhile.
public struct Prune: Sendable {
  /// Plans that are made before giving up on a repository in which others never stop deleting.
  private static let attemptLimit = 8

  let unlocked: UnlockedRepository
  let options: PruneOptions
  let progress: PruneProgress
  let cancellation: CancellationFlag

  /// - Throws: `.forbidden` for other roles than the owner.
  public init(
    _ unlocked: UnlockedRepository, options: PruneOptions = PruneOptions(),
    progress: PruneProgress = PruneProgress(),
    cancellation: CancellationFlag = CancellationFlag()
  ) throws {
    try unlocked.require(.owner, to: "prune")
    self.unlocked = unlocked
    self.options = options
    self.progress = progress
    self.cancellation = cancellation
  }

  private var workers: Int { options.workers ?? WorkerThreads.processorCount }

  /// What would be done now. Changes nothing.
  ///
  /// - Throws: `.missing` or `.damaged` when a snapshot is not whole; `.interrupted`; `.io`.
  public func plan() throws -> PrunePlan {
    try unlocked.log.refresh()
    return try unlocked.onNewestState { _ in try Work(self, marker: nil).plan }
  }

  /// Plans and does it.
  ///
  /// - Parameter planned: told of the plan, and again when it had to be made anew; may throw to stop.
  /// - Throws: as `plan`, and `.damaged` when something that is needed cannot be copied. Nothing is condemned then.
  public func run(planned: (PrunePlan) throws -> Void = { _ in }) throws -> PruneReport {
    let marker = SessionMarker(unlocked.storage)
    try marker.beat()
    defer { marker.remove() }
    for _ in 0..<Self.attemptLimit {
      try unlocked.log.refresh()
      let size = unlocked.log.state.size
      do {
        let work = try Work(self, marker: marker)
        try planned(work.plan)
        let report = try work.run()
        try RetentionExtension.run(unlocked, cancellation)
        return report
      } catch is PlanIsOutdated {
        continue
      } catch let error as VarveError where error.code == .missing {
        // Another prune may have swept it.
        try unlocked.log.refresh()
        guard unlocked.log.state.size > size else { throw error }
      }
    }
    throw VarveError(
      .io, "others kept deleting from the repository while it was pruned",
      hint: "run 'varve prune' again when no other prune is at work")
  }

  /// Something was condemned, brought back or repacked since the plan was made.
  private struct PlanIsOutdated: Error {}
  /// The log has grown since the plan was compared with it.
  private struct LogHasGrown: Error {}

  /// One plan and what becomes of it.
  private final class Work {
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

    private var log: Log { prune.unlocked.log }
    private var storage: any StorageBackend { prune.unlocked.storage }

    // MARK: Plan

    init(_ prune: Prune, marker: SessionMarker?) throws {
      self.prune = prune
      self.marker = marker
      repository = try prune.unlocked.onNewestState {
        try IndexedRepository(prune.unlocked, at: $0, to: Prune.act)
      }
      live = LiveChunks(
        workers: prune.workers, progress: prune.progress, cancellation: prune.cancellation)
      let state = repository.state
      try live.add(state.snapshotsInOrder.map(\.id), in: repository)
      used = live.slots
      tally = try PackTally(repository.index, used)
      repacked = prune.choosePacks(tally, &plan)
      let objects = repository.liveObjects
      plan.unindexedPacks = UInt64(objects.packs.keys.count { tally[$0] == nil })
      let condemned = plan.condemnedPacks
      try chooseSegments(condemned)
      let now = try marker?.startTime() ?? WallClock.now()
      let sessions = try Sessions(storage, except: marker, now: now)
      let stored = try StoredObjects(
        storage, state, objects, sessions: sessions,
        orphanAge: max(prune.options.grace, StoredObjects.leastAge), now: now)
      plan.records = stored.records
      plan.lost = stored.lost
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

    func run() throws -> PruneReport {
      var report = PruneReport(plan)
      if !plan.condemned.isEmpty { try condemn(&report) }
      try sweep(&report)
      try delete(plan.leftovers, &report)
      return report
    }

    private func condemn(_ report: inout PruneReport) throws {
      let packs = plan.condemnedPacks
      let store = try repository.makeStore(level: .auto, verifies: true, storage: storage)
      defer { store.end() }
      try Repacking(
        repository: repository, store: store, used: used, workers: prune.workers,
        progress: prune.progress, cancellation: prune.cancellation
      ).run(repacked)
      try writeSegments(without: packs, to: store)
      let added = try store.finish(by: try store.makeWriter())
      try verify(packs)
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
      var state = repository.state
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
          guard newer.deletions == state.deletions else { throw PlanIsOutdated() }
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

    private func sweep(_ report: inout PruneReport) throws {
      var entries: [UInt64] = []
      try log.append { state in
        entries = prune.sweepable(state).map(\.entry)
        return entries.isEmpty ? [] : [.sweep(.init(condemned: entries))]
      }
      guard !entries.isEmpty else { return }
      let state = log.state
      let objects = try KnownObjects(state, storage: storage).live
      for entry in entries {
        guard let condemnation = state.condemnations[entry] else { continue }
        try delete(
          condemnation.objects.objects(in: storage).filter { !state.names($0, objects) }, &report)
      }
    }

    private func delete(_ objects: [ObjectReference], _ report: inout PruneReport) throws {
      for object in objects {
        try prune.cancellation.check()
        try storage.remove(object.name)
        report.deletedObjects += 1
        report.deletedByteCount += object.size
        prune.progress.objectsDeleted.add(1, ordering: .relaxed)
      }
    }
  }

  private static let act = "prune"

  /// The last second of the year 9999.
  private static let endOfTime: Int64 = 253_402_300_799

  /// Short index segments that are left alone.
  private static let shortSegmentLimit = 64

  /// Condemn entries whose grace is over.
  private func sweepable(_ state: LogState) -> [LogState.Condemnation] {
    let now = WallClock.now().seconds
    return state.openCondemnations.filter {
      options.grace == 0 || now - $0.time.seconds >= options.grace
    }
  }

  /// Packs that are dead, and those that are worth copying; the latter are returned.
  private func choosePacks(_ tally: PackTally, _ plan: inout PrunePlan) -> [PackTally.Pack] {
    var usedBytes: UInt64 = 0
    var partly: [(pack: PackTally.Pack, unused: UInt64)] = []
    var short: [PackType: Int] = [:]
    let shortSize = UInt64(unlocked.config.packSize) / 4
    for pack in tally.packs {
      plan.packs += 1
      plan.byteCount += pack.pack.size
      guard pack.isUsed else {
        plan.unusedByteCount += pack.pack.size
        plan.removedUnusedByteCount += pack.pack.size
        plan.deadPacks.append(pack.reference)
        continue
      }
      let unused = pack.unusedByteCount
      plan.unusedByteCount += unused
      usedBytes += pack.pack.size - min(unused, pack.pack.size)
      if unused > 0 || (options.repackSmall && pack.pack.size < shortSize) {
        partly.append((pack, unused))
        if unused == 0 { short[pack.pack.type, default: 0] += 1 }
      }
    }
    plan.deadPacks.sort()
    let limit: UInt64 =
      switch options.maxUnused {
      case .bytes(let bytes): bytes
      case .fraction(let fraction): UInt64(Double(usedBytes) * max(0, fraction))
      case .unlimited: .max
      }
    partly.sort {
      let (a, b) = (
        Double($0.unused) / Double($0.pack.pack.size), Double($1.unused) / Double($1.pack.pack.size)
      )
      return a == b ? $0.pack.pack.name < $1.pack.pack.name : a > b
    }
    var remaining = partly.reduce(UInt64(0)) { $0 + $1.unused }
    var chosen: [PackTally.Pack] = []
    for (pack, unused) in partly {
      let isShort = options.repackSmall && pack.pack.size < shortSize
      // One short pack alone would only be copied.
      let isWorthIt =
        remaining > limit && unused > 0
        || isShort && (unused > 0 || short[pack.pack.type, default: 0] > 1)
      guard isWorthIt else { continue }
      let copied = pack.pack.size - min(unused, pack.pack.size)
      if let most = options.maxRepackSize, plan.repackByteCount + copied > most { continue }
      plan.repackByteCount += copied
      plan.removedUnusedByteCount += unused
      plan.repackedPacks.append(pack.reference)
      remaining -= unused
      chosen.append(pack)
    }
    return chosen
  }
}

extension PackTally.Pack {
  fileprivate var reference: ObjectReference {
    ObjectReference(name: ObjectName.pack(pack.name), size: pack.size)
  }
}

extension ObjectReference {
  /// The digest in the name.
  var digest: Digest? { ObjectName.digest(of: name) }
}

extension LogState {
  /// What a plan to delete depends on beside snapshots.
  struct Deletions: Equatable {
    let newest: UInt64?
    let statuses: [UInt64: Condemnation.Status]
    let repacks: Int
    let losses: Int
  }

  var deletions: Deletions {
    Deletions(
      newest: newestCondemnation, statuses: condemnations.mapValues(\.status),
      repacks: repacks.count, losses: losses.count)
  }

  /// Whether an entry names the object as live.
  func names(_ object: ObjectReference, _ live: LiveObjects) -> Bool {
    switch ObjectClass(object.name) {
    case .pack(let digest): live.packs[digest] != nil
    case .index(let digest): live.indexSegments[digest] != nil
    case .snapshot(let digest): snapshots[digest] != nil
    default: true
    }
  }
}
