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
    var unknown: [ObjectReference] = []
    for prefix in [ObjectName.packPrefix, ObjectName.indexPrefix, ObjectName.snapshotPrefix] {
      try storage.list(prefix) { name, size in
        let object = ObjectReference(name: name, size: size)
        let kind = ObjectClass(name)
        let isLive =
          switch kind {
          case .pack(let digest): live.packs[digest] != nil
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
    for object in unknown {
      let time = try storage.modificationTime(object.name)
      let isOld = time.map { now.seconds - $0.seconds >= orphanAge } ?? (orphanAge == 0)
      let isBefore = sessions.oldestStart.map { start in time.map { $0 < start } ?? false } ?? true
      if isOld && isBefore { orphans.append(object) } else { sparedOrphans += 1 }
    }
  }
}
