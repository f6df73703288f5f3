internal import VarveCrypto
public import VarveFormat
public import VarveStorage

/// The packs and index segments that a log state has: those that entries list themselves, and those in
/// the inventories that entries name. 40 bytes an object, in tables that are at most three quarters full.
public struct LiveObjects: Sendable {
  /// Sizes in bytes by digest.
  public private(set) var packs: [Digest: UInt64] = [:]
  public private(set) var indexSegments: [Digest: UInt64] = [:]

  /// - Throws: `.missing` or `.damaged` naming the inventory.
  public init(_ state: LogState, storage: any StorageBackend) throws {
    packs.reserveCapacity(state.listedObjects.count)
    state.listedObjects.forEachObject { add($0, $1) }
    for digest in state.inventories {
      try Self.read(digest, storage: storage) { bytes in
        try Inventory.forEachObject(in: bytes) { _, kind, size in add(kind, size) }
      }
    }
  }

  private mutating func add(_ kind: ObjectClass?, _ size: UInt64) {
    switch kind {
    case .pack(let digest): packs[digest] = size
    case .index(let digest): indexSegments[digest] = size
    default: break
    }
  }

  /// Reads an inventory and verifies it against its name.
  package static func inventory(
    _ digest: Digest, storage: any StorageBackend
  ) throws -> Inventory {
    try read(digest, storage: storage) { try Inventory(decoding: $0) }
  }

  private static func read<Result>(
    _ digest: Digest, storage: any StorageBackend, _ body: ([UInt8]) throws -> Result
  ) throws -> Result {
    let name = ObjectName.inventory(digest)
    let bytes = try storage.read(name)
    guard SHA256.digest(bytes) == digest else {
      throw VarveError(.damaged, "\(name) is damaged: its bytes do not have that digest")
    }
    do {
      return try body(bytes)
    } catch let error as VarveError where error.code == .damaged {
      throw VarveError(.damaged, "\(name) is damaged", cause: error)
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
