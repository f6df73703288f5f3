internal import VarveFormat
internal import VarveStorage

/// What storage has beside what is live: garbage of several kinds.
struct StoredObjects {
  /// Seconds that an orphan is left alone at least: whoever stores a single object has no marker.
  static let leastAge: Int64 = 60

  /// Swept, and still there.
  private(set) var leftovers: [ObjectReference] = []
  private(set) var orphans: [ObjectReference] = []
  /// Orphans that may be somebody's who is at work.
  private(set) var sparedOrphans: UInt64 = 0
  /// Records of forgotten snapshots that are not condemned.
  private(set) var records: [ObjectReference] = []
  /// Packs and index segments that are lost and not condemned, there or not: no snapshot that is whole needs them, and
  /// once they are swept the state is rid of them.
  private(set) var lost: [ObjectReference] = []
  /// Names of live packs, and of what is condemned, swept or lost, that are not there.
  private(set) var absent: Set<String> = []
  /// Live packs that are not there, or have another size than the log says: nil, or the size.
  private var unsound: [Digest: UInt64?] = [:]
  private var soundPacks = 0

  /// - Parameters:
  ///   - orphanAge: seconds that an orphan must be old.
  ///   - now: by the store's clock.
  /// - Throws: `.missing` or `.damaged` naming an inventory; `.io`.
  init(
    _ storage: any StorageBackend, _ state: LogState, _ live: LiveObjects, sessions: Sessions,
    orphanAge: Int64, now: Timestamp
  ) throws {
    var condemned: Set<String> = []
    var swept: Set<String> = []
    for condemnation in state.condemnations.values {
      switch condemnation.status {
      case .rescinded: continue
      case .condemned:
        for object in try condemnation.objects.objects(in: storage) {
          condemned.insert(object.name)
        }
      case .swept:
        for object in try condemnation.objects.objects(in: storage) { swept.insert(object.name) }
      }
    }
    for (kind, size) in live.lost {
      let name =
        switch kind {
        case .pack(let digest): ObjectName.pack(digest)
        case .index(let digest): ObjectName.index(digest)
        default: ""
        }
      guard !name.isEmpty, !condemned.contains(name) else { continue }
      lost.append(ObjectReference(name: name, size: size))
    }
    lost.sort()
    absent = condemned.union(lost.map(\.name))
    var unknown: [ObjectReference] = []
    for prefix in [ObjectName.packPrefix, ObjectName.indexPrefix, ObjectName.snapshotPrefix] {
      try storage.list(prefix) { name, size in
        absent.remove(name)
        let object = ObjectReference(name: name, size: size)
        let kind = ObjectClass(name)
        let isLive =
          switch kind {
          case .pack(let digest): note(digest, size, live)
          case .index(let digest): live.indexSegments[digest] != nil
          case .snapshot(let digest): state.snapshots[digest] != nil
          default: true
          }
        if isLive || condemned.contains(name) { return }
        if swept.contains(name) {
          leftovers.append(object)
        } else if case .snapshot(let digest) = kind, state.forgotten[digest] != nil {
          records.append(object)
        } else if kind.map({ live.lost[$0] == nil }) ?? false {
          unknown.append(object)
        }
      }
    }
    try findAbsent(live, storage)
    for object in unknown {
      let time = try storage.modificationTime(object.name)
      let isOld = time.map { now.seconds - $0.seconds >= orphanAge } ?? (orphanAge == 0)
      let isBefore = sessions.oldestStart.map { start in time.map { $0 < start } ?? false } ?? true
      if isOld && isBefore { orphans.append(object) } else { sparedOrphans += 1 }
    }
  }

  // MARK: Live packs

  /// Counts a pack that is there.
  ///
  /// - Returns: whether it is live.
  private mutating func note(_ pack: Digest, _ size: UInt64, _ live: LiveObjects) -> Bool {
    guard let expected = live.packs[pack] else { return false }
    if size == expected { soundPacks += 1 } else { unsound[pack] = size }
    return true
  }

  /// Which live packs the list did not have: a second one, only where some are missing, so that the first needs no memory.
  private mutating func findAbsent(_ live: LiveObjects, _ storage: any StorageBackend) throws {
    guard soundPacks + unsound.count < live.packs.count else { return }
    var listed: Set<Digest> = []
    try storage.list(ObjectName.packPrefix) { name, _ in
      if case .pack(let pack) = ObjectClass(name) { listed.insert(pack) }
    }
    for (pack, expected) in live.packs where !listed.contains(pack) {
      let name = ObjectName.pack(pack)
      let size = try storage.size(name)
      if size == nil { absent.insert(name) }
      if size != expected { unsound[pack] = .some(size) }
    }
  }

  /// Requires that each pack of which something is needed is there, as long as it should be. What the index finds in one that
  /// is not may lie in another one, too, which nothing seems to need.
  ///
  /// - Throws: `.missing` or `.damaged` naming the pack.
  func requireSound(_ tally: PackTally) throws {
    for (pack, size) in unsound.sorted(by: { $0.key < $1.key }) {
      guard let use = tally[pack], use.isUsed else { continue }
      let name = ObjectName.pack(pack)
      let hint =
        "run 'varve repair index' to find what else has its content, and 'varve check' to see what is lost"
      guard let size else { throw VarveError(.missing, "\(name) is not there", hint: hint) }
      throw VarveError(
        .damaged, "\(name) has \(size) bytes; the log says \(use.pack.size)", hint: hint)
    }
  }
}
