internal import VarveCrypto
public import VarveFormat
public import VarveStorage

extension ObjectList {
  /// What a log entry says of `objects`; an inventory is stored when they are too many to be listed.
  public init(storing objects: [ObjectReference], in storage: any StorageBackend) throws {
    guard objects.count > Self.listLimit else {
      self = .listed(objects.sorted())
      return
    }
    let inventory = Inventory(objects).encode()
    let digest = SHA256.digest(inventory)
    try storage.put(ObjectName.inventory(digest), inventory)
    self = .inventory(digest)
  }

  /// The objects, ascending by name.
  ///
  /// - Throws: `.missing` or `.damaged` naming the inventory.
  public func objects(in storage: any StorageBackend) throws -> [ObjectReference] {
    switch self {
    case .listed(let objects): objects
    case .inventory(let digest): try LiveObjects.inventory(digest, storage: storage).objects
    }
  }
}

extension LogState {
  /// The names of all objects that entries from `size` on condemn, without being rescinded, or declare lost. Whoever
  /// has relied on them, or has stored them, since the log had that size must not name them in an entry.
  ///
  /// - Throws: `.missing` or `.damaged` naming an inventory.
  package func namesOfCondemned(
    since size: UInt64, storage: any StorageBackend
  ) throws -> Set<String> {
    guard let newest = newestCondemnation, newest >= size else { return [] }
    var names: Set<String> = []
    for condemnation in condemnations.values where condemnation.entry >= size {
      if case .rescinded = condemnation.status { continue }
      for object in try condemnation.objects.objects(in: storage) { names.insert(object.name) }
    }
    for loss in losses where loss.entry >= size {
      for object in try loss.objects.objects(in: storage) { names.insert(object.name) }
    }
    return names
  }
}

extension LiveObjects {
  /// Reads an inventory and verifies it against its name.
  package static func inventory(
    _ digest: Digest, storage: any StorageBackend
  ) throws -> Inventory {
    try read(digest, storage: storage) { try Inventory(decoding: $0) }
  }

  /// Calls `body` with each object of an inventory, once its digest is right.
  static func forEachObject(
    in inventory: Digest, storage: any StorageBackend, _ body: (ObjectClass, UInt64) -> Void
  ) throws {
    try read(inventory, storage: storage) { bytes in
      try Inventory.forEachObject(in: bytes) { _, kind, size in body(kind, size) }
    }
  }

  private static func read<Result>(
    _ digest: Digest, storage: any StorageBackend, _ body: ([UInt8]) throws -> Result
  ) throws -> Result {
    let name = ObjectName.inventory(digest)
    let hint =
      "bring it back from a copy of the repository; 'varve check' tells what depends on it"
    let bytes: [UInt8]
    do {
      bytes = try storage.read(name)
    } catch let error as VarveError where error.code == .missing {
      throw VarveError(.missing, error.message, hint: hint)
    }
    guard SHA256.digest(bytes) == digest else {
      throw VarveError(
        .damaged, "\(name) is damaged: its bytes do not have that digest", hint: hint)
    }
    do {
      return try body(bytes)
    } catch let error as VarveError where error.code == .damaged {
      throw VarveError(.damaged, "\(name) is damaged", hint: hint, cause: error)
    } catch let error as VarveError where error.code == .unsupportedFormat {
      throw VarveError.unknownFormat(of: name, error)
    }
  }
}

extension VarveError {
  /// An object whose format this program does not know counts as damaged, like any that cannot be read: what does not
  /// depend on it goes on.
  static func unknownFormat(of name: String, _ error: VarveError) -> VarveError {
    VarveError(
      .damaged, "\(name) is damaged, or made by a newer program",
      hint:
        "a newer version of varve may be able to read it; 'varve check' tells what depends on it",
      cause: error)
  }
}
