// What log entries say about objects that come and go without a snapshot (docs/format.md, section 12).

extension LogStatement {
  /// Packs and index segments become live that hold what others hold already.
  public struct Repack: Equatable, Sendable {
    public enum Reason: String, CaseIterable, Sendable {
      case prune, index, repair
    }

    public let additions: ObjectList
    public let reason: Reason

    public init(additions: ObjectList, reason: Reason) {
      self.additions = additions.sorted
      self.reason = reason
    }
  }

  /// From here on nobody may refer to these objects; they can be read until they are swept.
  public struct Condemnation: Equatable, Sendable {
    /// Packs, index segments, records of forgotten snapshots, and such of them as no entry names.
    public let objects: ObjectList

    public init(objects: ObjectList) { self.objects = objects.sorted }
  }

  /// The objects of condemn entries are dead and may be deleted.
  public struct Sweep: Equatable, Sendable {
    /// Indices of condemn entries; ascending, each once.
    public let condemned: [UInt64]

    public init(condemned: [UInt64]) { self.condemned = condemned.sorted() }
  }

  /// Forgotten snapshots are live again, and condemn entries are rescinded.
  public struct Undo: Equatable, Sendable {
    /// An entry with more may not fit into 61,440 bytes.
    public static let limit = 100

    public let snapshots: [Digest]
    /// Indices of condemn entries, each of which is rescinded as a whole; ascending, each once.
    public let condemned: [UInt64]

    public init(snapshots: [Digest], condemned: [UInt64] = []) {
      self.snapshots = snapshots
      self.condemned = condemned.sorted()
    }
  }

  /// Packs or index segments are known to be damaged or missing.
  public struct Loss: Equatable, Sendable {
    public let objects: ObjectList

    public init(objects: ObjectList) { self.objects = objects.sorted }
  }
}

extension LogStatement.Repack {
  init(_ json: JSONValue, _ what: String) throws {
    additions = try ObjectList(json, "adds", what).requireObjects()
    guard let reason = Reason(rawValue: try json.string("reason")) else {
      throw VarveError(.damaged, "its reason is none that is known")
    }
    self.reason = reason
  }

  var members: [String: JSONValue] {
    var members: [String: JSONValue] = ["reason": .string(reason.rawValue)]
    additions.add(to: &members, "adds")
    return members
  }
}

extension LogStatement.Condemnation {
  init(_ json: JSONValue, _ what: String) throws {
    objects = try ObjectList(json, "objects", allowsSnapshots: true, what).requireObjects()
  }

  var members: [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    objects.add(to: &members, "objects")
    return members
  }
}

extension LogStatement.Loss {
  init(_ json: JSONValue, _ what: String) throws {
    objects = try ObjectList(json, "objects", what).requireObjects()
  }

  var members: [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    objects.add(to: &members, "objects")
    return members
  }
}

extension LogStatement.Sweep {
  init(_ json: JSONValue) throws {
    condemned = try json.ascendingIndices("condemned")
    guard !condemned.isEmpty else { throw VarveError(.damaged, "it sweeps no condemn entry") }
  }

  var members: [String: JSONValue] { ["condemned": .indices(condemned)] }
}

extension LogStatement.Undo {
  init(_ json: JSONValue) throws {
    snapshots = try json.digests("snapshots")
    condemned = try json.ascendingIndices("condemned")
    guard !snapshots.isEmpty || !condemned.isEmpty else {
      throw VarveError(.damaged, "it undoes nothing")
    }
  }

  var members: [String: JSONValue] {
    ["condemned": .indices(condemned), "snapshots": .digests(snapshots)]
  }
}

extension ObjectList {
  fileprivate func requireObjects() throws -> ObjectList {
    guard !isEmpty else { throw VarveError(.damaged, "it names no object") }
    return self
  }
}

extension JSONValue {
  fileprivate static func indices(_ indices: [UInt64]) -> JSONValue {
    .array(indices.map { .integer(Int64(clamping: $0)) })
  }

  static func digests(_ digests: [Digest]) -> JSONValue {
    .array(digests.map { .string($0.hex) })
  }

  fileprivate func ascendingIndices(_ key: String) throws -> [UInt64] {
    let indices = try array(key).map { item in
      guard case .integer(let value) = item, let index = UInt64(exactly: value) else {
        throw VarveError(.damaged, "the JSON member \"\(key)\" is not a list of indices")
      }
      return index
    }
    guard zip(indices, indices.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw VarveError(.damaged, "the JSON member \"\(key)\" does not ascend")
    }
    return indices
  }

  /// A list of digests that ascend, at least one of them; empty when the member is absent.
  func ascendingDigests(_ key: String, limit: Int) throws -> [Digest] {
    guard try optional(key) != nil else { return [] }
    let digests = try digests(key)
    guard (1...limit).contains(digests.count),
      zip(digests, digests.dropFirst()).allSatisfy({ $0 < $1 })
    else {
      throw VarveError(
        .damaged, "the JSON member \"\(key)\" is not an ascending list of at most \(limit) digests")
    }
    return digests
  }
}
