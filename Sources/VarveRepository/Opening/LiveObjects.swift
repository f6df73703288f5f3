internal import VarveCrypto
public import VarveFormat
public import VarveStorage

/// The packs and index segments that a log state has: those that entries list themselves, and those in
/// the inventories that entries name. 40 bytes an object, in tables that are at most three quarters full.
public struct LiveObjects: Sendable {
  /// Sizes in bytes by name.
  public private(set) var packs: [Digest: UInt64] = [:]
  public private(set) var indexSegments: [Digest: UInt64] = [:]

  /// - Throws: `.missing` or `.damaged` naming the inventory.
  public init(_ state: LogState, storage: any StorageBackend) throws {
    packs.reserveCapacity(state.listedObjects.count)
    for (name, size) in state.listedObjects { add(name, size) }
    for digest in state.inventories {
      for object in try Self.inventory(digest, storage: storage).objects {
        add(object.name, object.size)
      }
    }
  }

  private mutating func add(_ name: String, _ size: UInt64) {
    switch ObjectClass(name) {
    case .pack(let digest): packs[digest] = size
    case .index(let digest): indexSegments[digest] = size
    default: break
    }
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
}
