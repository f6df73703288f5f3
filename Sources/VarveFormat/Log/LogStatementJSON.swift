// The JSON of the bodies of log statements (docs/format.md, section 12).

extension LogStatement.Body {
  init(predicateType: String, _ json: JSONValue, _ what: String) throws {
    switch predicateType {
    case "urn:varve:genesis:v1":
      self = .genesis(
        LogStatement.Genesis(
          config: try json.digest("config"), authorKey: try json.base64("authorKey", byteCount: 32))
      )
    case "urn:varve:credential:v1":
      self = .credential(try LogStatement.CredentialChange(json, what))
    case "urn:varve:snapshot:v1":
      self = .snapshot(try LogStatement.SnapshotAddition(json, what))
    case "urn:varve:forget:v1":
      let forgetting = LogStatement.Forgetting(
        snapshots: try json.digests("snapshots"), reason: try json.string("reason"))
      guard !forgetting.snapshots.isEmpty else {
        throw VarveError(.damaged, "it forgets no snapshot")
      }
      self = .forget(forgetting)
    case "urn:varve:check:v1":
      self = .check(try LogStatement.CheckResult(json))
    default:
      throw VarveError.newerFormat("\(what) is of the type \(predicateType)")
    }
  }

  var members: [String: JSONValue] {
    switch self {
    case .genesis(let genesis):
      [
        "authorKey": .string(Base64.encode(genesis.authorKey)),
        "config": .string(genesis.config.hex),
      ]
    case .credential(let change): change.members
    case .snapshot(let addition): addition.members
    case .forget(let forgetting):
      [
        "reason": .string(forgetting.reason),
        "snapshots": .array(forgetting.snapshots.map { .string($0.hex) }),
      ]
    case .check(let result): result.members
    }
  }

  func subject(config: Digest) -> [JSONValue] {
    switch self {
    case .genesis, .check: [Self.subject(ObjectName.config, config)]
    case .credential(let change):
      (change.additions.map(\.credential) + change.removals.map(\.credential))
        .map { Self.subject(ObjectName.credential($0), $0) }
    case .snapshot(let addition):
      if case .inventory(let inventory) = addition.additions {
        [
          Self.subject(ObjectName.snapshot(addition.snapshot), addition.snapshot),
          Self.subject(ObjectName.inventory(inventory), inventory),
        ]
      } else {
        [Self.subject(ObjectName.snapshot(addition.snapshot), addition.snapshot)]
      }
    case .forget(let forgetting):
      forgetting.snapshots.map { Self.subject(ObjectName.snapshot($0), $0) }
    }
  }

  private static func subject(_ name: String, _ digest: Digest) -> JSONValue {
    ["digest": ["sha256": .string(digest.hex)], "name": .string(name)]
  }
}

extension LogStatement.CredentialChange {
  fileprivate init(_ json: JSONValue, _ what: String) throws {
    additions = try json.array("add").map { item in
      try item.requireMembers(within: ["authorKey", "credential", "keyid", "role"], what)
      return Addition(
        authorKey: try item.base64("authorKey", byteCount: 32),
        credential: try item.digest("credential"), keyID: try item.keyID("keyid"),
        role: try item.role("role"))
    }
    removals = try json.array("remove").map { item in
      try item.requireMembers(within: ["credential", "keyid"], what)
      return Removal(credential: try item.digest("credential"), keyID: try item.keyID("keyid"))
    }
    guard !additions.isEmpty || !removals.isEmpty else {
      throw VarveError(.damaged, "it neither adds nor removes a credential")
    }
  }

  fileprivate var members: [String: JSONValue] {
    [
      "add": .array(
        additions.map {
          [
            "authorKey": .string(Base64.encode($0.authorKey)),
            "credential": .string($0.credential.hex), "keyid": .string($0.keyID.text),
            "role": .string($0.role.rawValue),
          ]
        }),
      "remove": .array(
        removals.map {
          ["credential": .string($0.credential.hex), "keyid": .string($0.keyID.text)]
        }),
    ]
  }
}

extension LogStatement.SnapshotAddition {
  fileprivate init(_ json: JSONValue, _ what: String) throws {
    snapshot = try json.digest("snapshot")
    parent = try json.optionalDigest("parent")
    original = try json.optionalDigest("original")
    if let inventory = try json.optionalDigest("inventory") {
      additions = .inventory(inventory)
      return
    }
    let objects = try json.array("adds").map { item in
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
      default: throw VarveError(.damaged, "it lists what is neither a pack nor an index segment")
      }
    }
    additions = .listed(objects)
  }

  fileprivate var members: [String: JSONValue] {
    var members: [String: JSONValue] = ["snapshot": .string(snapshot.hex)]
    switch additions {
    case .inventory(let inventory): members["inventory"] = .string(inventory.hex)
    case .listed(let objects):
      members["adds"] = .array(
        objects.map { ["name": .string($0.name), "size": .integer(Int64($0.size))] })
    }
    if let parent { members["parent"] = .string(parent.hex) }
    if let original { members["original"] = .string(original.hex) }
    return members
  }
}

extension LogStatement.CheckResult {
  fileprivate init(_ json: JSONValue) throws {
    switch try json.string("result") {
    case "ok": isDamaged = false
    case "damaged": isDamaged = true
    default: throw VarveError(.damaged, "its result is neither \"ok\" nor \"damaged\"")
    }
    scope = try json.string("scope")
    counts = try json.object("counts").mapValues { value in
      guard case .integer(let count) = value else {
        throw VarveError(.damaged, "a count is not an integer")
      }
      return count
    }
    damaged = try json.strings("damaged")
    guard damaged.count <= Self.damagedLimit else {
      throw VarveError(.damaged, "it names more than \(Self.damagedLimit) damaged objects")
    }
    started = try json.utcTime("started")
  }

  fileprivate var members: [String: JSONValue] {
    [
      "counts": .object(counts.mapValues { .integer($0) }),
      "damaged": .array(damaged.map { .string($0) }),
      "result": isDamaged ? "damaged" : "ok", "scope": .string(scope),
      "started": .string(started.utcSeconds),
    ]
  }
}
