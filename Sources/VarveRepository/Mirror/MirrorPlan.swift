internal import Synchronization
internal import VarveFormat
internal import VarveStorage

/// What the target should have by a log state of the source, and what of it is there.
///
/// Of the target's list only marks are kept, and what is not wanted. While the plan is made the tables of `LiveObjects` are there,
/// too: 40 bytes an object, at most three quarters full.
struct MirrorPlan {
  private var wanted = MirrorTable()
  /// What the target has, and is not wanted, whatever it may be.
  private var unwanted = MirrorTable()
  /// What is at the target although the source's log says that it is dead: swept objects, removed credentials.
  private(set) var doomed: [MirrorObject] = []

  var objects: [MirrorObject] { wanted.objects }

  var presentCount: UInt64 { UInt64(objects.count { $0.status == .present }) }

  /// - Throws: `.io` and what else listing throws. What of the source is damaged or missing does not stop it.
  init(
    _ state: LogState, source: any StorageBackend, target: any StorageBackend
  ) throws {
    let isComplete = try takeNamed(state, source, target)
    try takeSizes(source)
    try compare(with: target)
    // Where an inventory is lost, what is wanted is not known well enough to remove anything.
    if isComplete { try bury(state, source, target) }
    unwanted = MirrorTable()
  }

  // MARK: What is wanted

  /// - Returns: whether the log's lists could be read, so that these are all.
  private mutating func takeNamed(
    _ state: LogState, _ source: any StorageBackend, _ target: any StorageBackend
  ) throws -> Bool {
    for credential in state.liveCredentials.compactMap(\.credential) {
      wanted.add(MirrorObject(digest: credential, kind: .credential))
    }
    for inventory in state.inventories {
      wanted.add(MirrorObject(digest: inventory, kind: .inventory))
    }
    for snapshot in state.snapshotsInOrder {
      wanted.add(MirrorObject(digest: snapshot.id, kind: .snapshot))
    }
    // They can be brought back as long as their records are there.
    for forgotten in state.forgotten.keys {
      wanted.add(MirrorObject(digest: forgotten, kind: .snapshot, isOptional: true))
    }
    let isComplete = try takeContent(state, source, target)
    wanted.sort()
    guard !isComplete else { return true }
    // Whatever else the source has may be what a lost inventory listed.
    let known = wanted
    for prefix in [ObjectName.indexPrefix, ObjectName.packPrefix] {
      try source.list(prefix) { name, size in
        guard let (kind, digest) = ObjectClass(name)?.mirrored,
          known.place(of: digest, kind) == nil
        else { return }
        wanted.add(MirrorObject(digest: digest, size: size, kind: kind, isOptional: true))
      }
    }
    wanted.sort()
    return false
  }

  private mutating func takeContent(
    _ state: LogState, _ source: any StorageBackend, _ target: any StorageBackend
  ) throws -> Bool {
    let isComplete = Mutex(true)
    let live = try LiveObjects(state) { inventory, body in
      guard try !Self.forEachObject(in: inventory, source, target, body) else { return }
      isComplete.withLock { $0 = false }
    }
    wanted.reserveCapacity(
      wanted.objects.count + live.packs.count + live.indexSegments.count
        + live.condemnedPacks.count + live.condemnedSegments.count)
    for (pack, size) in live.packs {
      wanted.add(MirrorObject(digest: pack, size: size, kind: .pack))
    }
    for (segment, size) in live.indexSegments {
      wanted.add(MirrorObject(digest: segment, size: size, kind: .index))
    }
    for (pack, row) in live.condemnedPacks {
      wanted.add(MirrorObject(digest: pack, size: row.size, kind: .pack, isOptional: true))
    }
    for (segment, row) in live.condemnedSegments {
      wanted.add(MirrorObject(digest: segment, size: row.size, kind: .index, isOptional: true))
    }
    return isComplete.withLock { $0 }
  }

  /// Reads an inventory from the source or, where it is lost there, from the target; says whether it could.
  private static func forEachObject(
    in inventory: Digest, _ source: any StorageBackend, _ target: any StorageBackend,
    _ body: (ObjectClass, _ size: UInt64) -> Void
  ) throws -> Bool {
    for storage in [source, target] {
      do {
        try LiveObjects.forEachObject(in: inventory, storage: storage, body)
        return true
      } catch {
        _ = try CheckSession.kind(of: error)
      }
    }
    return false
  }

  // MARK: What is there

  /// The log does not say how long small objects are: the source's list does, and which records of forgotten snapshots are
  /// there still. Whether it is right shows when they are read.
  private mutating func takeSizes(_ source: any StorageBackend) throws {
    for prefix in [
      ObjectName.credentialPrefix, ObjectName.inventoryPrefix, ObjectName.snapshotPrefix,
    ] {
      try source.list(prefix) { name, size in
        guard let (kind, digest) = ObjectClass(name)?.mirrored,
          let place = wanted.place(of: digest, kind)
        else { return }
        wanted[place].size = size
      }
    }
    for place in wanted.objects.indices
    where wanted[place].isOptional && wanted[place].size == MirrorObject.unknownSize {
      wanted[place].status = .dead
    }
  }

  private mutating func compare(with target: any StorageBackend) throws {
    for prefix in [
      ObjectName.credentialPrefix, ObjectName.inventoryPrefix, ObjectName.snapshotPrefix,
      ObjectName.indexPrefix, ObjectName.packPrefix,
    ] {
      try target.list(prefix) { name, size in
        guard let (kind, digest) = ObjectClass(name)?.mirrored else { return }
        guard let place = wanted.place(of: digest, kind), wanted[place].status != .dead else {
          unwanted.add(MirrorObject(digest: digest, size: size, kind: kind))
          return
        }
        let expected = wanted[place].size
        let isRight = size == expected || expected == MirrorObject.unknownSize
        wanted[place].status = isRight ? .present : .wrong
      }
    }
    unwanted.sort()
  }

  // MARK: What is dead

  private mutating func bury(
    _ state: LogState, _ source: any StorageBackend, _ target: any StorageBackend
  ) throws {
    let live = Set(state.liveCredentials.compactMap(\.credential))
    for author in state.authors.values where author.removed != nil {
      guard let credential = author.credential, !live.contains(credential) else { continue }
      bury(.credential(credential), state)
    }
    for condemnation in state.condemnations.values {
      guard case .swept = condemnation.status else { continue }
      switch condemnation.objects {
      case .listed(let objects):
        for object in objects {
          if let kind = ObjectClass(object.name) { bury(kind, state) }
        }
      case .inventory(let inventory):
        _ = try Self.forEachObject(in: inventory, source, target) { kind, _ in bury(kind, state) }
      }
    }
  }

  private mutating func bury(_ object: ObjectClass, _ state: LogState) {
    guard let (kind, digest) = object.mirrored else { return }
    if let place = unwanted.place(of: digest, kind), unwanted[place].status != .dead {
      unwanted[place].status = .dead
      doomed.append(unwanted[place])
    } else if kind == .snapshot, state.snapshots[digest] == nil,
      let place = wanted.place(of: digest, kind), wanted[place].status != .dead
    {
      // The source has not removed it yet, or the target has not.
      if wanted[place].status != .absent { doomed.append(wanted[place]) }
      wanted[place].status = .dead
    }
  }
}
