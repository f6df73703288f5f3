// What is live where inventories cannot be read: an entry may name one that was never there, and storage may damage one.
//
//     added       fewer packs and segments are known. What storage has besides, and no entry calls dead, may be theirs.
//     condemned   any object that was there before that entry may be dead, or about to be deleted
//     swept       likewise
//     lost        any object that was there before that entry may be damaged
//
// Whoever reads may use everything that is there, since every byte is authenticated. Whoever stores relies on nothing
// doubtful, and stores it again. Whoever deletes stops: what is not known to be live must never be taken for garbage.

package import VarveFormat
package import VarveStorage

/// The packs and index segments of a log state, as far as they are known. Lists storage where inventories cannot be read.
package struct KnownObjects: Sendable {
  /// What is live for sure.
  package private(set) var live: LiveObjects
  /// What is in storage and may be live, with its size there.
  package private(set) var doubtful: [ObjectClass: UInt64] = [:]
  /// Why inventories cannot be read that list what was added.
  package private(set) var unreadableAdditions: [VarveError] = []
  /// Why others cannot: it is not known then what is dead or lost.
  package private(set) var unreadableRemovals: [VarveError] = []
  /// Whether an owner has repaired the repository since the last entry that adds by such an inventory.
  package private(set) var isRepaired = true

  /// - Throws: what storage throws, but for `.damaged` and `.missing` inventories.
  package init(_ state: LogState, storage: any StorageBackend) throws {
    let inventories = ReadableInventories(storage)
    live = try LiveObjects(state) { try inventories.forEachObject(in: $0, $1) }
    let failures = inventories.failures
    guard !failures.isEmpty else { return }
    let added = state.addedInventories.filter { failures[$0.digest] != nil }
    unreadableAdditions = added.compactMap { failures[$0.digest] }
    let stored = try Self.stored(in: storage)
    let removals = state.removals
    let doubts = removals.filter { $0.objects.inventory.map { failures[$0] != nil } ?? false }
    unreadableRemovals = doubts.compactMap { $0.objects.inventory.flatMap { failures[$0] } }
    if let newest = doubts.map(\.entry).max() {
      // What was added before may be dead. A lost list of additions may have had anything before.
      let isAmbiguous = added.contains { $0.entry < newest }
      var older: Set<ObjectClass> = []
      state.listedObjects.forEachObject { if $2 < newest { older.insert($0) } }
      for inventory in state.addedInventories where inventory.entry < newest {
        try inventories.forEachObject(in: inventory.digest) { kind, _ in older.insert(kind) }
      }
      for (kind, size) in live.takeAll(where: { isAmbiguous || older.contains($0) })
      where stored[kind] == size { doubtful[kind] = size }
    }
    guard let newest = added.map(\.entry).max() else { return }
    isRepaired = state.repacks.contains { $0.reason == .repair && $0.entry > newest }
    var dead: Set<ObjectClass> = []
    for removal in removals {
      switch removal.objects {
      case .listed(let objects): dead.formUnion(objects.compactMap { ObjectClass($0.name) })
      case .inventory(let inventory):
        try inventories.forEachObject(in: inventory) { kind, _ in dead.insert(kind) }
      }
    }
    for (kind, size) in stored where !live.contains(kind) && !dead.contains(kind) {
      doubtful[kind] = size
    }
  }

  package var failures: [VarveError] { unreadableRemovals + unreadableAdditions }

  /// Whether something in storage may be live that is not known to be.
  package var hasUnlisted: Bool { !unreadableAdditions.isEmpty }

  /// Requires that whatever is in storage and may be live is known, or was declared anew by a repair.
  ///
  /// - Parameter act: what would be done.
  /// - Throws: `.damaged` or `.missing`, naming an inventory.
  package func requireKnown(to act: String) throws {
    try requireRemovals(to: act)
    guard let failure = unreadableAdditions.first, !isRepaired, !doubtful.isEmpty else { return }
    throw VarveError(
      failure.code, "what is live is not known, which it takes to \(act)",
      hint:
        "bring the inventory back from a copy of the repository, or as an owner run 'varve repair index' first, which "
        + "declares anew what it listed and is still there", cause: failure)
  }

  /// Requires that what is dead or lost is known.
  ///
  /// - Throws: `.damaged` or `.missing`, naming an inventory.
  package func requireRemovals(to act: String) throws {
    guard let failure = unreadableRemovals.first else { return }
    throw VarveError(
      failure.code, "what is dead or lost is not known, which it takes to \(act)",
      hint:
        "bring the inventory back from a copy of the repository; backups and restores go on without it",
      cause: failure)
  }

  private static func stored(in storage: any StorageBackend) throws -> [ObjectClass: UInt64] {
    var stored: [ObjectClass: UInt64] = [:]
    for prefix in [ObjectName.packPrefix, ObjectName.indexPrefix] {
      try storage.list(prefix) { name, size in
        switch ObjectClass(name) {
        case .pack(let digest): stored[.pack(digest)] = size
        case .index(let digest): stored[.index(digest)] = size
        default: break
        }
      }
    }
    return stored
  }
}

/// Reads inventories, and passes over those that cannot be read.
private final class ReadableInventories {
  private let storage: any StorageBackend
  private(set) var failures: [Digest: VarveError] = [:]

  init(_ storage: any StorageBackend) { self.storage = storage }

  /// - Throws: `.io` and the like: what storage refuses now may be right the next time.
  func forEachObject(
    in inventory: Digest, _ body: (ObjectClass, _ size: UInt64) -> Void
  ) throws {
    guard failures[inventory] == nil else { return }
    // Nothing of one that is not whole counts.
    var objects: [(ObjectClass, UInt64)] = []
    do {
      try LiveObjects.forEachObject(in: inventory, storage: storage) { objects.append(($0, $1)) }
    } catch let error as VarveError where error.code == .damaged || error.code == .missing {
      failures[inventory] = error
      return
    }
    for (kind, size) in objects { body(kind, size) }
  }
}

extension LogState {
  /// Entries after which objects are dead or lost.
  fileprivate var removals: [(entry: UInt64, objects: ObjectList)] {
    condemnations.values.filter {
      if case .rescinded = $0.status { false } else { true }
    }.map { ($0.entry, $0.objects) } + losses.map { ($0.entry, $0.objects) }
  }
}

extension LiveObjects {
  func contains(_ kind: ObjectClass) -> Bool {
    switch kind {
    case .pack(let digest): packs[digest] != nil
    case .index(let digest): indexSegments[digest] != nil
    default: false
    }
  }

  /// Takes out the objects for which `isTaken` is true.
  fileprivate mutating func takeAll(
    where isTaken: (ObjectClass) -> Bool
  ) -> [(ObjectClass, UInt64)] {
    let takenPacks = packs.filter { isTaken(.pack($0.key)) }
    let takenSegments = indexSegments.filter { isTaken(.index($0.key)) }
    for pack in takenPacks.keys { packs[pack] = nil }
    for segment in takenSegments.keys { indexSegments[segment] = nil }
    return takenPacks.map { (.pack($0.key), $0.value) }
      + takenSegments.map { (.index($0.key), $0.value) }
  }
}
