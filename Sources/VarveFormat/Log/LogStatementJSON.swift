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
      self = .forget(try LogStatement.Forgetting(json))
    case "urn:varve:check:v1":
      self = .check(try LogStatement.CheckResult(json))
    case "urn:varve:policy:v1":
      self = .policy(try LogStatement.PolicyChange(json, what))
    case "urn:varve:hold:v1":
      self = .hold(try LogStatement.Hold(json))
    case "urn:varve:release:v1":
      self = .release(try LogStatement.Release(json))
    case "urn:varve:repack:v1":
      self = .repack(try LogStatement.Repack(json, what))
    case "urn:varve:condemn:v1":
      self = .condemn(try LogStatement.Condemnation(json, what))
    case "urn:varve:sweep:v1":
      self = .sweep(try LogStatement.Sweep(json))
    case "urn:varve:undo:v1":
      self = .undo(try LogStatement.Undo(json))
    case "urn:varve:lost:v1":
      self = .lost(try LogStatement.Loss(json, what))
    case "urn:varve:receipt:v1":
      self = .receipt(try LogStatement.Receipt(json))
    case "urn:varve:threshold:v1":
      self = .threshold(try LogStatement.Threshold(json))
    case "urn:varve:proposal:v1":
      self = .proposal(try LogStatement.Proposal(json, what))
    case "urn:varve:approval:v1":
      self = .approval(try LogStatement.Approval(json))
    case "urn:varve:cosign:v1":
      self = .cosign(try LogStatement.Cosigning(json))
    case "urn:varve:anchor:v1":
      self = .anchor(try LogStatement.Anchoring(json))
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
    case .forget(let forgetting): forgetting.members
    case .check(let result): result.members
    case .policy(let change): change.members
    case .hold(let hold): hold.members
    case .release(let release): release.members
    case .repack(let repack): repack.members
    case .condemn(let condemnation): condemnation.members
    case .sweep(let sweep): sweep.members
    case .undo(let undo): undo.members
    case .lost(let loss): loss.members
    case .receipt(let receipt): receipt.members
    case .threshold(let threshold): threshold.members
    case .proposal(let proposal): proposal.members
    case .approval(let approval): approval.members
    case .cosign(let cosigning): cosigning.members
    case .anchor(let anchoring): anchoring.members
    }
  }

  /// What the statement is about; `config` when that is nothing else with a name.
  func subject(config: Digest) -> [JSONValue] {
    if case .proposal(let proposal) = self { return proposal.action.subject(config: config) }
    let objects: [JSONValue] =
      switch self {
      case .genesis, .check, .policy, .sweep, .threshold, .proposal, .approval, .cosign, .anchor: []
      case .credential(let change):
        (change.additions.map(\.credential) + change.removals.map(\.credential))
          .map { Self.subject(ObjectName.credential($0), $0) }
      case .snapshot(let addition):
        [Self.subject(ObjectName.snapshot(addition.snapshot), addition.snapshot)]
          + Self.subject(addition.additions)
      case .forget(let forgetting): Self.subject(snapshots: forgetting.snapshots)
      case .hold(let hold): Self.subject(snapshots: hold.snapshots)
      case .release(let release): Self.subject(snapshots: release.snapshots)
      case .undo(let undo): Self.subject(snapshots: undo.snapshots)
      case .receipt(let receipt): Self.subject(snapshots: receipt.snapshots)
      case .repack(let repack): Self.subject(repack.additions)
      case .condemn(let condemnation): Self.subject(condemnation.objects)
      case .lost(let loss): Self.subject(loss.objects)
      }
    return objects.isEmpty ? [Self.subject(ObjectName.config, config)] : objects
  }

  private static func subject(_ objects: ObjectList) -> [JSONValue] {
    objects.inventory.map { [subject(ObjectName.inventory($0), $0)] } ?? []
  }

  private static func subject(snapshots: [Digest]) -> [JSONValue] {
    snapshots.map { subject(ObjectName.snapshot($0), $0) }
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
    proposal = try json.proposal()
  }

  fileprivate var members: [String: JSONValue] {
    let members: [String: JSONValue] = [
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
    return members.adding(proposal)
  }
}

extension LogStatement.SnapshotAddition {
  fileprivate init(_ json: JSONValue, _ what: String) throws {
    snapshot = try json.digest("snapshot")
    parent = try json.optionalDigest("parent")
    original = try json.optionalDigest("original")
    source = try json.optionalDigest("source")
    tags = try json.ascendingDigests("tags", limit: Self.tagLimit)
    isPartial = try json.flag("partial")
    tree = try json.optionalDigest("tree")
    taken = try json.optionalZonedTime("taken")
    additions = try ObjectList(json, "adds", what)
  }

  fileprivate var members: [String: JSONValue] {
    var members: [String: JSONValue] = ["snapshot": .string(snapshot.hex)]
    additions.add(to: &members, "adds")
    if let parent { members["parent"] = .string(parent.hex) }
    if let original { members["original"] = .string(original.hex) }
    if let source { members["source"] = .string(source.hex) }
    if !tags.isEmpty { members["tags"] = .digests(tags) }
    if isPartial { members["partial"] = true }
    if let tree { members["tree"] = .string(tree.hex) }
    if let taken { members["taken"] = .string(taken.zonedSeconds) }
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
