internal import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveStorage

/// What the log names and what is there.
struct CheckedObjects {
  /// Live packs with their sizes by the log.
  var packs: [Digest: UInt64] = [:]
  /// Packs that are not there, or cannot be asked for.
  var missingPacks: Set<Digest> = []
  /// Packs that are there with another size; read whole to see what is left of them.
  var suspectPacks: Set<Digest> = []
  /// Live index segments of the right size.
  var segments: [ObjectReference] = []
  /// Whether every live index segment was found so far; if not, chunks without a place are no news.
  var hasAllSegments = true
  /// Live snapshots whose records have the right digest, in the order of the log.
  var snapshots: [Digest] = []
  /// Live snapshots whose records have not.
  var lostSnapshots: [Digest] = []
  var unreferenced: [ObjectReference] = []
  /// Live objects that were looked at.
  var checked: UInt64 = 0
}

/// Compares what the log names with what storage lists, and verifies the digests of small objects.
///
/// Listing only spares a question for each object: what is not listed is asked for by name.
struct ObjectCheck {
  let session: CheckSession

  /// - Parameter state: what is live; nil when the log cannot be read, and then every object that a
  ///   digest names is taken for live.
  func run(_ state: LogState?) throws -> CheckedObjects {
    var stored = try listing()
    var objects = CheckedObjects()
    guard let state else {
      for (name, size) in stored { take(name, size, &objects) }
      session.progress.objectsTotal.store(UInt64(stored.count), ordering: .relaxed)
      for name in stored.keys.sorted() { try checkUnknown(name, &objects) }
      return objects
    }
    let snapshots = state.snapshotsInOrder.map(\.id)
    let credentials = state.liveCredentials.compactMap(\.credential)
    let named = try namedObjects(state, &stored, &objects)
    let live = named.live
    session.progress.objectsTotal.store(
      UInt64(live.count + snapshots.count + credentials.count), ordering: .relaxed)

    for credential in credentials {
      _ = try checkDigest(ObjectName.credential(credential), credential, &objects)
      stored[ObjectName.credential(credential)] = nil
    }
    for snapshot in snapshots {
      let name = ObjectName.snapshot(snapshot)
      if try checkDigest(name, snapshot, &objects) {
        objects.snapshots.append(snapshot)
      } else {
        objects.lostSnapshots.append(snapshot)
      }
      stored[name] = nil
    }
    for (name, size) in live.sorted(by: { $0.key < $1.key }) {
      try session.cancellation.check()
      let listed = stored.removeValue(forKey: name)
      guard named.isComplete || listed != nil else { continue }
      try checkPresence(name, size, listed: listed, &objects)
    }
    for name in named.allowed { stored[name] = nil }
    objects.unreferenced = stored.map { ObjectReference(name: $0.key, size: $0.value) }.sorted()
    return objects
  }

  /// Objects named by a digest, with their sizes.
  private func listing() throws -> [String: UInt64] {
    var stored: [String: UInt64] = [:]
    for prefix in [
      ObjectName.credentialPrefix, ObjectName.packPrefix, ObjectName.indexPrefix,
      ObjectName.snapshotPrefix, ObjectName.inventoryPrefix,
    ] {
      try session.storage.list(prefix) { name, size in stored[name] = size }
    }
    return stored
  }

  /// What a log state says of objects that a digest names.
  private struct NamedObjects {
    var live: [String: UInt64] = [:]
    /// Objects that may be there or not: those that are condemned and not swept, or lost, and the records of
    /// forgotten snapshots. Swept ones that are there still are garbage.
    var allowed: Set<String> = []
    /// Whether all live objects are there or damage: not when it cannot be known what was condemned.
    var isComplete = true
  }

  private func namedObjects(
    _ state: LogState, _ stored: inout [String: UInt64], _ objects: inout CheckedObjects
  ) throws -> NamedObjects {
    var named = NamedObjects()
    var unreadable: Set<Digest> = []
    for inventory in state.inventories {
      let name = ObjectName.inventory(inventory)
      if try !checkInventory(inventory, name) { unreadable.insert(inventory) }
      stored[name] = nil
    }
    objects.checked += UInt64(state.inventories.count)
    let liveObjects = try LiveObjects(state) { [unreadable, session] inventory, body in
      guard !unreadable.contains(inventory) else { return }
      try LiveObjects.forEachObject(in: inventory, storage: session.storage, body)
    }
    named.live = liveObjects.sizes
    named.allowed = Set(state.forgotten.keys.map(ObjectName.snapshot))
    let lists = state.openCondemnations.map(\.objects) + state.losses.map(\.objects)
    for list in lists where list.inventory.map({ !unreadable.contains($0) }) ?? true {
      named.allowed.formUnion(try list.objects(in: session.storage).map(\.name))
    }
    for condemnation in state.condemnations.values {
      if let inventory = condemnation.objects.inventory, unreadable.contains(inventory) { continue }
      guard case .swept = condemnation.status else { continue }
      named.allowed.subtract(try condemnation.objects.objects(in: session.storage).map(\.name))
    }
    if !unreadable.isEmpty {
      let added = Set(state.addedInventories.map(\.digest))
      named.isComplete = unreadable.isSubset(of: added)
      takeUnlisted(stored, &named, &objects)
    }
    return named
  }

  /// What a lost inventory listed cannot be known: everything that no other lists is taken for live, so
  /// that it is checked and what depends on it is not called lost.
  private func takeUnlisted(
    _ stored: [String: UInt64], _ named: inout NamedObjects, _ objects: inout CheckedObjects
  ) {
    session.addNotChecked(
      named.isComplete
        ? "whether all objects are there that the damaged or missing inventories list"
        : "whether all live objects are there: inventories of what was condemned are damaged or missing"
    )
    objects.hasAllSegments = false
    for (name, size) in stored where named.live[name] == nil && !named.allowed.contains(name) {
      switch ObjectClass(name) {
      case .pack, .index: named.live[name] = size
      default: break
      }
    }
  }

  private func checkInventory(_ inventory: Digest, _ name: String) throws -> Bool {
    do {
      try LiveObjects.forEachObject(in: inventory, storage: session.storage) { _, _ in }
      return true
    } catch {
      try session.add(name, error)
      return false
    }
  }

  private func checkDigest(
    _ name: String, _ digest: Digest, _ objects: inout CheckedObjects
  ) throws -> Bool {
    try session.cancellation.check()
    defer { count(&objects) }
    do {
      guard SHA256.digest(try session.storage.read(name)) == digest else {
        throw VarveError(.damaged, "its bytes do not have that digest")
      }
      return true
    } catch {
      try session.add(name, error)
      return false
    }
  }

  private func checkPresence(
    _ name: String, _ size: UInt64, listed: UInt64?, _ objects: inout CheckedObjects
  ) throws {
    defer { count(&objects) }
    take(name, size, &objects)
    do {
      guard let found = try listed ?? session.storage.size(name) else {
        throw VarveError(.missing, "it is not there")
      }
      guard found == size else {
        throw VarveError(.damaged, "it has \(found) bytes; the log says \(size)")
      }
    } catch {
      try session.add(name, error)
      let isThere = try CheckSession.kind(of: error) == .damaged
      switch ObjectClass(name) {
      case .pack(let digest):
        if isThere {
          objects.suspectPacks.insert(digest)
        } else {
          objects.missingPacks.insert(digest)
        }
      case .index:
        objects.segments.removeLast()
        objects.hasAllSegments = false
      default: break
      }
    }
  }

  private func take(_ name: String, _ size: UInt64, _ objects: inout CheckedObjects) {
    switch ObjectClass(name) {
    case .pack(let digest): objects.packs[digest] = size
    case .index: objects.segments.append(ObjectReference(name: name, size: size))
    default: break
    }
  }

  /// Without a log: the digest is all there is to compare with. Packs are read when data is.
  private func checkUnknown(_ name: String, _ objects: inout CheckedObjects) throws {
    switch ObjectClass(name) {
    case .pack, .index: count(&objects)
    case .some:
      if let digest = ObjectName.digest(of: name) { _ = try checkDigest(name, digest, &objects) }
    case nil: break
    }
  }

  private func count(_ objects: inout CheckedObjects) {
    objects.checked += 1
    session.progress.objectsChecked.add(1, ordering: .relaxed)
  }
}
