internal import VarveCrypto
public import VarveFormat
public import VarveStorage

/// The packs and index segments that a log state has: those that entries list themselves, and those in
/// the inventories that entries name. 60 bytes or so an object.
public struct LiveObjects: Sendable {
  private var packs: [Digest: UInt64] = [:]
  private var segments: [Digest: UInt64] = [:]

  /// - Throws: `.missing` or `.damaged` naming the inventory.
  public init(_ state: LogState, storage: any StorageBackend) throws {
    packs.reserveCapacity(state.listedObjects.items.count * 2 / 3)
    segments.reserveCapacity(state.listedObjects.items.count / 3)
    for item in state.listedObjects.items { add(item) }
    for digest in state.inventories {
      for object in try Self.inventory(digest, storage: storage).objects {
        if let item = ListedObjects.Item(object) { add(item) }
      }
    }
  }

  private mutating func add(_ item: ListedObjects.Item) {
    if item.isIndexSegment {
      segments[item.digest] = item.size
    } else {
      packs[item.digest] = item.size
    }
  }

  /// Size in bytes by name. O(n): for who needs them all.
  public var sizes: [String: UInt64] {
    var sizes: [String: UInt64] = [:]
    sizes.reserveCapacity(packs.count + segments.count)
    for (digest, size) in packs { sizes[ObjectName.pack(digest)] = size }
    for (digest, size) in segments { sizes[ObjectName.index(digest)] = size }
    return sizes
  }

  /// Reads an inventory and verifies it against its name.
  package static func inventory(
    _ digest: Digest, storage: any StorageBackend
  ) throws -> Inventory {
    let name = ObjectName.inventory(digest)
    let bytes = try storage.read(name)
    guard SHA256.digest(bytes) == digest else {
      throw VarveError(.damaged, "\(name) is damaged: its bytes do not have that digest")
    }
    do {
      return try Inventory(decoding: bytes)
    } catch let error as VarveError where error.code == .damaged {
      throw VarveError(.damaged, "\(name) is damaged", cause: error)
    }
  }

  /// Whether that pack, of that size, is live.
  public func contains(pack: Digest, size: UInt64) -> Bool { packs[pack] == size }

  /// The size of a live index segment.
  public func size(ofIndexSegment segment: Digest) -> UInt64? { segments[segment] }

  /// The index segments, ascending by name.
  public var indexSegments: [ObjectReference] {
    segments.sorted { $0.key < $1.key }
      .map { ObjectReference(name: ObjectName.index($0.key), size: $0.value) }
  }
}
