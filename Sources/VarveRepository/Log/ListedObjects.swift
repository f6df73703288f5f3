package import VarveFormat

/// The packs and index segments that log entries add and list themselves, in the order of the log. 48 bytes
/// each: names are spelled only for who asks for them. Swept ones stay until they are half of all.
///
/// What a later entry adds again is listed again, whether the state was stored in between or not. That makes nothing
/// live: a name that was swept stays dead (`LiveObjects`).
public struct ListedObjects: Sendable {
  struct Key: Hashable, Sendable {
    let digest: Digest
    let isIndexSegment: Bool
  }

  /// A pack or an index segment.
  struct Item: Equatable, Sendable {
    static let indexSegment: UInt64 = 1 << 63

    let digest: Digest
    /// The size; the top bit says that it is an index segment.
    let sizeAndKind: UInt64
    /// The index of the entry that added it.
    let entry: UInt64

    var isIndexSegment: Bool { sizeAndKind & Self.indexSegment != 0 }
    var size: UInt64 { sizeAndKind & ~Self.indexSegment }
    var key: Key { Key(digest: digest, isIndexSegment: isIndexSegment) }
  }

  private var all: [Item] = []
  /// By object, the index of the entry that removed it: what was added before is gone.
  private var removed: [Key: UInt64] = [:]

  init() {}
  init(_ items: [Item]) { all = items }

  /// Those that were not removed.
  var items: [Item] { removed.isEmpty ? all : all.filter { !isRemoved($0) } }

  private func isRemoved(_ item: Item) -> Bool {
    removed[item.key].map { item.entry < $0 } ?? false
  }

  /// Entries add nothing but packs and index segments; anything else is passed over.
  mutating func add(_ object: ObjectReference, by entry: UInt64) {
    guard let item = Item(object, entry: entry) else { return }
    all.append(item)
  }

  /// Drops objects. O(1) amortised for each.
  mutating func remove(_ objects: [ObjectReference], by entry: UInt64) {
    for object in objects {
      if let item = Item(object, entry: entry) { removed[item.key] = entry }
    }
    guard removed.count > 64, 2 * removed.count > all.count else { return }
    all = items
    removed = [:]
  }

  package var count: Int { all.count }

  /// Calls `body` with each object, its size in bytes, and the entry that added it; of an object that is listed
  /// twice, the later call counts.
  package func forEachObject(_ body: (ObjectClass, _ size: UInt64, _ entry: UInt64) -> Void) {
    for item in all where removed.isEmpty || !isRemoved(item) {
      body(item.isIndexSegment ? .index(item.digest) : .pack(item.digest), item.size, item.entry)
    }
  }
}

extension ListedObjects.Item {
  init?(_ object: ObjectReference, entry: UInt64) {
    let kind: UInt64
    switch ObjectClass(object.name) {
    case .pack(let digest): (self.digest, kind) = (digest, 0)
    case .index(let digest): (self.digest, kind) = (digest, Self.indexSegment)
    default: return nil
    }
    sizeAndKind = object.size & ~Self.indexSegment | kind
    self.entry = entry
  }
}
