/// The objects that a log entry adds, condemns or declares lost (docs/format.md, section 12).
///
/// ```
/// "<member>":[{"name":…,"size":…}*]      at most 32, names ascending
/// "inventory":<digest>                   the inventory that lists them
/// ```
public enum ObjectList: Hashable, Sendable {
  /// At most `listLimit`, ascending by name.
  case listed([ObjectReference])
  /// The inventory that lists them.
  case inventory(Digest)

  /// More objects are put into an inventory.
  public static let listLimit = 32

  /// Whether it lists nothing, as far as the entry says.
  public var isEmpty: Bool { self == .listed([]) }

  /// What the entry lists itself.
  public var listed: [ObjectReference] {
    if case .listed(let objects) = self { objects } else { [] }
  }

  /// The digest of the inventory.
  public var inventory: Digest? {
    if case .inventory(let digest) = self { digest } else { nil }
  }

  /// The same with its objects ascending.
  var sorted: ObjectList {
    if case .listed(let objects) = self { .listed(objects.sorted()) } else { self }
  }

  /// - Parameters:
  ///   - member: where the objects are when there is no inventory.
  ///   - allowsSnapshots: whether snapshot records may be listed beside packs and index segments.
  init(_ json: JSONValue, _ member: String, allowsSnapshots: Bool = false, _ what: String) throws {
    if let inventory = try json.optionalDigest("inventory") {
      self = .inventory(inventory)
      return
    }
    let objects = try json.array(member).map { item in
      try item.requireMembers(within: ["name", "size"], what)
      return ObjectReference(name: try item.string("name"), size: try item.count("size"))
    }
    guard objects.count <= Self.listLimit else {
      throw VarveError(.damaged, "it lists \(objects.count) objects, more than \(Self.listLimit)")
    }
    guard zip(objects, objects.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw VarveError(.damaged, "the objects it lists do not ascend")
    }
    for object in objects {
      switch ObjectClass(object.name) {
      case .pack, .index: break
      case .snapshot where allowsSnapshots: break
      default: throw VarveError(.damaged, "it may not list \(object.name)")
      }
    }
    self = .listed(objects)
  }

  /// - Parameter member: where the objects go when there is no inventory.
  func add(to members: inout [String: JSONValue], _ member: String) {
    switch self {
    case .inventory(let inventory): members["inventory"] = .string(inventory.hex)
    case .listed(let objects):
      members[member] = .array(
        objects.map { ["name": .string($0.name), "size": .integer(Int64(clamping: $0.size))] })
    }
  }
}
