public import VarveFormat

/// The packs and index segments that log entries list themselves, in the order of the log. 48 bytes
/// each: names are spelled only for who asks for them.
public struct ListedObjects: Sendable {
  /// A pack or an index segment.
  struct Item: Equatable, Sendable {
    let digest: Digest
    let size: UInt64
    let isIndexSegment: Bool
  }

  private(set) var items: [Item] = []

  init() {}
  init(_ items: [Item]) { self.items = items }

  /// Entries list nothing but packs and index segments; anything else is passed over.
  mutating func add(_ object: ObjectReference) {
    guard let item = Item(object) else { return }
    items.append(item)
  }

  package var count: Int { items.count }

  /// Calls `body` with each object and its size in bytes; of an object that is listed twice, the later
  /// call counts.
  package func forEachObject(_ body: (ObjectClass, UInt64) -> Void) {
    for item in items {
      body(item.isIndexSegment ? .index(item.digest) : .pack(item.digest), item.size)
    }
  }

  /// Sizes in bytes by name; of an object that is listed twice, the later one.
  public var sizesByName: [String: UInt64] {
    Dictionary(items.map { ($0.name, $0.size) }) { _, later in later }
  }
}

extension ListedObjects.Item {
  init?(_ object: ObjectReference) {
    switch ObjectClass(object.name) {
    case .pack(let digest): self.init(digest: digest, size: object.size, isIndexSegment: false)
    case .index(let digest): self.init(digest: digest, size: object.size, isIndexSegment: true)
    default: return nil
    }
  }

  var name: String { isIndexSegment ? ObjectName.index(digest) : ObjectName.pack(digest) }
}
