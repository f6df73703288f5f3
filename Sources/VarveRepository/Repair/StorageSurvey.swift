internal import Synchronization
internal import VarveFormat
internal import VarveStorage

/// What is true of the live packs and index segments: nothing that the index says is believed before a trailer
/// confirms it. Memory: as the index check, and 100 bytes a pack.
struct StorageSurvey {
  let state: LogState
  let segments: SegmentCipher
  let cache: SegmentCache
  let keyring: PackKeyring
  let checked: CheckedIndex
  /// By the log: of live packs, and of lost ones that are there.
  let sizes: [Digest: UInt64]
  /// Present and damaged.
  private(set) var damagedPacks: Set<Digest> = []
  /// Live packs that no right segment lists, ascending.
  private(set) var unlistedPacks: [Digest] = []
  private(set) var plan = StorageRepairPlan()

  /// Some live index segment.
  let liveSegment: ObjectReference?

  let storage: any StorageBackend
  private let cancellation: CancellationFlag

  /// - Throws: as `StorageRepair.plan`.
  init(_ repair: StorageRepair) throws {
    let unlocked = repair.unlocked
    state = unlocked.log.state
    storage = unlocked.storage
    cancellation = repair.cancellation
    segments = SegmentCipher(
      indexKey: try unlocked.keys.indexKey(), repository: unlocked.config.id)
    cache = SegmentCache(
      cipher: segments, storage: unlocked.storage, directory: unlocked.cacheDirectory)
    keyring = PackKeyring(
      storage: unlocked.storage, repository: unlocked.config.id,
      privateKey: try unlocked.keys.dataKey())
    let known = try KnownObjects(state, storage: unlocked.storage)
    try known.requireRemovals(to: "repair")
    let live = known.live
    plan.packs = UInt64(live.packs.count)
    if !known.isRepaired && !known.doubtful.isEmpty { plan.lostLists = known.unreadableAdditions }
    liveSegment = live.indexSegments.min { $0.key < $1.key }.map {
      ObjectReference(name: ObjectName.index($0.key), size: $0.value)
    }

    let stored = try Self.storedSizes(live, unlocked.storage)
    var candidates = try Self.returnedCandidates(live, state, stored, unlocked.storage)
    for case (.pack(let pack), let size) in known.doubtful {
      if try Self.opens(pack, size, keyring, unlocked.storage) { candidates[pack] = size }
    }
    let sizes = live.packs.merging(candidates) { size, _ in size }
    self.sizes = sizes

    var objects = CheckedObjects()
    objects.packs = sizes
    var lostSegments: [Digest: String] = [:]
    for (segment, size) in live.indexSegments.sorted(by: { $0.key < $1.key }) {
      let name = ObjectName.index(segment)
      switch stored[name] {
      case nil: lostSegments[segment] = "it is not there"
      case size:
        objects.segments.append(ObjectReference(name: name, size: size))
      case .some(let found): lostSegments[segment] = "it has \(found) bytes; the log says \(size)"
      }
    }
    let session = Self.session(unlocked.storage, repair.cancellation)
    objects.hasAllSegments = false
    checked = try IndexCheck(session: session, cipher: segments, cache: cache).run(objects)
    for damage in session.damages {
      try Self.requireGiven(damage)
      if case .index(let segment) = ObjectClass(damage.object) {
        lostSegments[segment] = damage.message
      }
    }
    plan.lostSegments = lostSegments.map {
      StorageRepairPlan.Lost(
        object: ObjectReference(
          name: ObjectName.index($0.key), size: live.indexSegments[$0.key] ?? 0),
        reason: $0.value)
    }.sorted { $0.object < $1.object }

    try judgePacks(live, candidates, stored, repair.reading)
  }

  private mutating func judgePacks(
    _ live: LiveObjects, _ candidates: [Digest: UInt64], _ stored: [String: UInt64],
    _ reading: StorageRepair.Reading
  ) throws {
    var reasons: [Digest: String] = [:]
    var present: Set<Digest> = []
    var suspects = Set(candidates.keys)
    for (pack, size) in live.packs {
      switch stored[ObjectName.pack(pack)] {
      case nil: reasons[pack] = "it is not there"
      case size: present.insert(pack)
      default:
        present.insert(pack)
        suspects.insert(pack)
      }
    }
    switch reading {
    case .none: break
    case .all: suspects.formUnion(present)
    case .some(let packs):
      for pack in packs where live.packs[pack] == nil {
        throw VarveError(.notFound, "\(ObjectName.pack(pack)) is not live")
      }
      suspects.formUnion(packs.intersection(present))
    }
    suspects.formUnion(try dubious(present.subtracting(suspects).sorted()))

    let session = Self.session(storage, cancellation)
    _ = try DataCheck(session: session).run(
      suspects.sorted(), sizes, keyring, checked, LostPlaces())
    plan.packsRead = UInt64(suspects.count)
    var wrong: Set<Digest> = []
    for damage in session.damages {
      try Self.requireGiven(damage)
      switch ObjectClass(damage.object) {
      case .pack(let pack): reasons[pack] = damage.message
      case .index(let segment): wrong.insert(segment)
      default: break
      }
    }
    let returned = candidates.filter { reasons[$0.key] == nil }
    damagedPacks = Set(reasons.keys).intersection(present)
    plan.returnedPacks = returned.map {
      ObjectReference(name: ObjectName.pack($0.key), size: $0.value)
    }.sorted()
    plan.lostPacks = reasons.filter { live.packs[$0.key] != nil }.map {
      StorageRepairPlan.Lost(
        object: ObjectReference(name: ObjectName.pack($0.key), size: live.packs[$0.key] ?? 0),
        reason: $0.value)
    }.sorted { $0.object < $1.object }
    plan.wrongSegments = wrong.map {
      ObjectReference(name: ObjectName.index($0), size: live.indexSegments[$0] ?? 0)
    }.sorted()
    let wrongNames = Set(plan.wrongSegments.map(\.name))
    unlistedPacks = (Array(live.packs.keys) + returned.keys).filter { pack in
      reasons[pack] == nil
        && (checked.places[pack] ?? []).allSatisfy {
          wrongNames.contains(checked.segments[$0.segment].name)
        }
    }.sorted()
    plan.unlistedPacks = UInt64(unlistedPacks.count)
  }

  /// The packs whose trailers cannot be read, or say something else than the index.
  private func dubious(_ packs: [Digest]) throws -> Set<Digest> {
    guard !packs.isEmpty else { return [] }
    let next = Atomic<Int>(0)
    let found = Mutex<Set<Digest>>([])
    let survey = self
    try WorkerThreads.run(count: min(WorkerThreads.processorCount, packs.count)) { _ in
      let block = try DecodedBlock()
      while true {
        let number = next.add(1, ordering: .relaxed).oldValue
        guard number < packs.count else { return }
        try survey.cancellation.check()
        if try !survey.isPlausible(packs[number], block) {
          found.withLock { _ = $0.insert(packs[number]) }
        }
      }
    }
    return found.withLock { $0 }
  }

  private func isPlausible(_ pack: Digest, _ block: DecodedBlock) throws -> Bool {
    do {
      let (type, trailer) = try trailer(of: pack, block)
      return try (checked.places[pack] ?? []).allSatisfy { segment, row in
        try checked.segments[segment].mapped.view.pack(at: row).type == type
          && checked.agrees(segment: segment, row: row, with: trailer)
      }
    } catch let error as VarveError where error.code == .damaged || error.code == .missing {
      return false
    }
  }

  /// A pack's type and chunk table, as the pack itself has them.
  ///
  /// - Throws: `.damaged`, `.missing`, `.io`.
  func trailer(of pack: Digest, _ block: DecodedBlock) throws -> (PackType, PackTrailer) {
    let name = ObjectName.pack(pack)
    let (type, cipher) = try keyring.cipher(
      header: try storage.read(name, offset: 0, count: PackHeader.byteCount), name: name)
    let tail = try PackTail(
      of: name, size: sizes[pack] ?? 0, from: storage, cipher: cipher, block)
    return (type, tail.trailer)
  }

  /// What is there of live packs and segments, by name; asked for where it is not listed.
  private static func storedSizes(
    _ live: LiveObjects, _ storage: any StorageBackend
  ) throws -> [String: UInt64] {
    var sizes: [String: UInt64] = [:]
    for prefix in [ObjectName.packPrefix, ObjectName.indexPrefix] {
      try storage.list(prefix) { sizes[$0] = $1 }
    }
    let names = live.packs.keys.map(ObjectName.pack) + live.indexSegments.keys.map(ObjectName.index)
    for name in names where sizes[name] == nil { sizes[name] = try storage.size(name) }
    return sizes
  }

  /// Lost packs of which there is something of the right size, unless they are condemned.
  private static func returnedCandidates(
    _ live: LiveObjects, _ state: LogState, _ stored: [String: UInt64],
    _ storage: any StorageBackend
  ) throws -> [Digest: UInt64] {
    var found: [Digest: UInt64] = [:]
    for (kind, size) in live.lost {
      if case .pack(let pack) = kind, stored[ObjectName.pack(pack)] == size { found[pack] = size }
    }
    guard !found.isEmpty else { return found }
    for condemnation in state.openCondemnations {
      for object in try condemnation.objects.objects(in: storage) {
        if case .pack(let pack) = ObjectClass(object.name) { found[pack] = nil }
      }
    }
    return found
  }

  /// Whether an object that may be a pack begins like one of this repository: what does not was no pack that is needed,
  /// or is one for a newer program.
  private static func opens(
    _ pack: Digest, _ size: UInt64, _ keyring: PackKeyring, _ storage: any StorageBackend
  ) throws -> Bool {
    guard size > UInt64(PackHeader.byteCount) else { return false }
    let name = ObjectName.pack(pack)
    do {
      _ = try keyring.cipher(
        header: try storage.read(name, offset: 0, count: PackHeader.byteCount), name: name)
      return true
    } catch let error as VarveError
      where [.damaged, .missing, .unsupportedFormat].contains(error.code)
    {
      return false
    }
  }

  /// What storage refuses to give is not lost: it may be there the next time.
  private static func requireGiven(_ damage: CheckReport.Damage) throws {
    guard damage.kind == .unreadable else { return }
    throw VarveError(
      .io, "\(damage.object) cannot be read: \(damage.message); nothing has changed",
      hint: "if it stays so, move the object out of the repository: it then counts as missing")
  }

  private static func session(
    _ storage: any StorageBackend, _ cancellation: CancellationFlag
  ) -> CheckSession {
    CheckSession(
      storage: storage, options: CheckOptions(), observer: nil, cancellation: cancellation)
  }
}
