public import VarveFormat
public import VarveStorage

/// The packs and index segments that a log state has: those that entries list themselves, and those in
/// the inventories that entries name.
///
/// Live is what a snapshot or repack entry added, unless a condemn entry that is not rescinded, or a later
/// lost entry, has it. 40 bytes an object, in tables that are at most three quarters full. Time: every
/// inventory is read, also those of what was swept long ago; 0.3 s for 10^6 lines.
public struct LiveObjects: Sendable {
  /// An object that was live until it was condemned, and was not swept yet: it can be read still.
  public struct Condemned: Hashable, Sendable {
    public let size: UInt64
    /// The index of the newest condemn entry that has it.
    public let entry: UInt64
  }

  /// Sizes in bytes by digest.
  public internal(set) var packs: [Digest: UInt64] = [:]
  public internal(set) var indexSegments: [Digest: UInt64] = [:]
  public private(set) var condemnedPacks: [Digest: Condemned] = [:]
  public private(set) var condemnedSegments: [Digest: Condemned] = [:]
  /// Packs and segments that are damaged or missing, by class; they may be condemned besides, but not swept.
  public private(set) var lost: [ObjectClass: UInt64] = [:]

  /// - Throws: `.missing` or `.damaged` naming the inventory.
  public init(_ state: LogState, storage: any StorageBackend) throws {
    try self.init(state) { inventory, body in
      try Self.forEachObject(in: inventory, storage: storage, body)
    }
  }

  /// - Parameter read: calls its second argument with each object of an inventory.
  init(
    _ state: LogState,
    read: @escaping (Digest, (ObjectClass, _ size: UInt64) -> Void) throws -> Void
  ) throws {
    func forEach(_ list: ObjectList, _ body: (ObjectClass, _ size: UInt64) -> Void) throws {
      switch list {
      case .listed(let objects):
        for object in objects {
          if let kind = ObjectClass(object.name) { body(kind, object.size) }
        }
      case .inventory(let inventory): try read(inventory, body)
      }
    }
    // By object, the newest entry that declares it lost.
    var losses: [ObjectClass: UInt64] = [:]
    for loss in state.losses {
      try forEach(loss.objects) { kind, _ in losses[kind] = loss.entry }
    }
    packs.reserveCapacity(state.listedObjects.count)
    state.listedObjects.forEachObject { add($0, $1, by: $2, losses) }
    for inventory in state.addedInventories {
      try read(inventory.digest) { add($0, $1, by: inventory.entry, losses) }
    }
    if !lost.isEmpty { lost = lost.filter { !isLive($0.key) } }
    for condemnation in state.openCondemnations {
      try forEach(condemnation.objects) { kind, _ in condemn(kind, condemnation.entry) }
    }
    for condemnation in state.condemnations.values {
      guard case .swept = condemnation.status else { continue }
      try forEach(condemnation.objects) { kind, _ in remove(kind) }
    }
  }

  private mutating func add(
    _ kind: ObjectClass, _ size: UInt64, by entry: UInt64, _ losses: [ObjectClass: UInt64]
  ) {
    if !losses.isEmpty, let loss = losses[kind], loss > entry {
      lost[kind] = size
      return
    }
    switch kind {
    case .pack(let digest): packs[digest] = size
    case .index(let digest): indexSegments[digest] = size
    default: break
    }
  }

  private func isLive(_ kind: ObjectClass) -> Bool {
    switch kind {
    case .pack(let digest): packs[digest] != nil
    case .index(let digest): indexSegments[digest] != nil
    default: false
    }
  }

  private mutating func condemn(_ kind: ObjectClass, _ entry: UInt64) {
    switch kind {
    case .pack(let digest):
      guard let size = packs.removeValue(forKey: digest) ?? condemnedPacks[digest]?.size else {
        return
      }
      condemnedPacks[digest] = Condemned(size: size, entry: entry)
    case .index(let digest):
      guard
        let size = indexSegments.removeValue(forKey: digest) ?? condemnedSegments[digest]?.size
      else { return }
      condemnedSegments[digest] = Condemned(size: size, entry: entry)
    default: break
    }
  }

  private mutating func remove(_ kind: ObjectClass) {
    lost[kind] = nil
    switch kind {
    case .pack(let digest):
      packs[digest] = nil
      condemnedPacks[digest] = nil
    case .index(let digest):
      indexSegments[digest] = nil
      condemnedSegments[digest] = nil
    default: break
    }
  }

  /// Sizes in bytes by object name. O(n), and 200 bytes an object.
  public var sizes: [String: UInt64] {
    var sizes: [String: UInt64] = [:]
    for (pack, size) in packs { sizes[ObjectName.pack(pack)] = size }
    for (segment, size) in indexSegments { sizes[ObjectName.index(segment)] = size }
    return sizes
  }

  /// Whether that pack, of that size, is live.
  public func contains(pack: Digest, size: UInt64) -> Bool { packs[pack] == size }
}
