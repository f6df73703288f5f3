import Synchronization
import VarveCrypto
public import VarveFormat
import VarveStorage

extension Log {
  /// The packs and index segments that are live: the size of each by its name. 100 bytes or so an object.
  ///
  /// Reads the inventories that log entries name, each once, and verifies them.
  ///
  /// - Throws: `VarveError.Code.damaged` or `missing` naming the inventory.
  public func liveObjects() throws -> [String: UInt64] {
    let state = state
    var objects = state.listedObjects
    for inventory in state.inventories {
      for object in try self.objects(ofInventory: inventory) { objects[object.name] = object.size }
    }
    return objects
  }

  /// The live index segments with their sizes, ascending by name.
  ///
  /// - Throws: as `liveObjects` does.
  public func liveSegments() throws -> [(name: Digest, size: UInt64)] {
    let state = state
    var sizes: [Digest: UInt64] = [:]
    func add(_ name: String, _ size: UInt64) {
      guard case .index(let digest) = ObjectClass(name) else { return }
      sizes[digest] = size
    }
    for (name, size) in state.listedObjects { add(name, size) }
    for inventory in state.inventories {
      for object in try objects(ofInventory: inventory) { add(object.name, object.size) }
    }
    return sizes.map { (name: $0.key, size: $0.value) }.sorted { $0.name < $1.name }
  }

  /// What the inventory lists.
  ///
  /// - Throws: `VarveError.Code.damaged` or `missing` naming the inventory.
  public func objects(ofInventory inventory: Digest) throws -> [ObjectReference] {
    if let known = inventories.withLock({ $0[inventory] }) { return known }
    let name = ObjectName.inventory(inventory)
    let bytes = try storage.read(name)
    guard SHA256.digest(bytes) == inventory else {
      throw VarveError(.damaged, "\(name) is damaged: its bytes do not have that digest")
    }
    let objects: [ObjectReference]
    do {
      objects = try Inventory(decoding: bytes).objects
    } catch let error as VarveError where error.code == .damaged {
      throw VarveError(.damaged, "\(name) is damaged", cause: error)
    }
    inventories.withLock { $0[inventory] = objects }
    return objects
  }
}
