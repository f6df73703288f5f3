internal import VarveCrypto
public import VarveFormat
public import VarveStorage

/// The packs and index segments that a log state has: those that entries list themselves, and those in
/// the inventories that entries name. 100 bytes or so an object.
public struct LiveObjects: Sendable {
  /// Size in bytes by name.
  public private(set) var sizes: [String: UInt64]

  /// - Throws: `.missing` or `.damaged` naming the inventory.
  public init(_ state: LogState, storage: any StorageBackend) throws {
    sizes = state.listedObjects.sizesByName
    for digest in state.inventories {
      for object in try Self.inventory(digest, storage: storage).objects {
        sizes[object.name] = object.size
      }
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
  public func contains(pack: Digest, size: UInt64) -> Bool {
    sizes[ObjectName.pack(pack)] == size
  }

  /// The index segments, ascending by name.
  public var indexSegments: [ObjectReference] {
    sizes.filter { $0.key.hasPrefix(ObjectName.indexPrefix) }
      .map { ObjectReference(name: $0.key, size: $0.value) }.sorted()
  }
}
