internal import VarveFormat
internal import VarveRepository
internal import VarveStorage

/// Follows what entries condemn, with the inventories that they name: nothing live may be among it, and nothing that
/// comes later may rely on it (docs/design.md, invariants I3 and I4).
///
/// Which packs a snapshot needs cannot be seen without a key; that each one can be restored whole is what checks say.
/// 64 bytes for each object that is condemned.
struct DeletionAudit {
  private(set) var findings: [AuditFinding] = []
  private let storage: any StorageBackend
  /// Packs and index segments that are condemned or swept, with how many condemn entries have them.
  private var condemned: [ObjectClass: UInt32] = [:]
  /// Records of live snapshots.
  private var live: Set<Digest> = []
  /// By condemn entry, what it has, while it can be rescinded or swept.
  private var open: [UInt64: ObjectList] = [:]

  init(storage: any StorageBackend) { self.storage = storage }

  mutating func take(_ entry: LogEntry) throws {
    switch entry.statement.body {
    case .snapshot(let addition):
      live.insert(addition.snapshot)
      try requireNew(addition.additions, entry.index)
    case .repack(let repack): try requireNew(repack.additions, entry.index)
    case .forget(let forgetting): for id in forgetting.snapshots { live.remove(id) }
    case .condemn(let condemnation):
      open[entry.index] = condemnation.objects
      try forEach(condemnation.objects, entry.index) { audit, kind in
        if case .snapshot(let id) = kind, audit.live.contains(id) {
          audit.report(
            entry.index, "condemns the record of the snapshot \(short(id)), which is live")
        }
        audit.condemned[kind, default: 0] += 1
      }
    case .sweep(let sweep):
      for index in sweep.condemned {
        guard let objects = open.removeValue(forKey: index) else { continue }
        try forEach(objects, entry.index) { audit, kind in
          if case .snapshot(let id) = kind, audit.live.contains(id) {
            audit.report(
              entry.index, "sweeps the record of the snapshot \(short(id)), which is live")
          }
        }
      }
    case .undo(let undo):
      for index in undo.condemned {
        guard let objects = open.removeValue(forKey: index) else { continue }
        try forEach(objects, entry.index) { audit, kind in
          let count = audit.condemned[kind, default: 1] - 1
          audit.condemned[kind] = count > 0 ? count : nil
        }
      }
      live.formUnion(undo.snapshots)
    case .genesis, .credential, .check, .policy, .hold, .release, .lost, .receipt, .threshold,
      .proposal, .approval, .cosign, .anchor:
      break
    }
  }

  /// Nothing that is condemned, or was swept, is added.
  private mutating func requireNew(_ additions: ObjectList, _ entry: UInt64) throws {
    guard !condemned.isEmpty else { return }
    try forEach(additions, entry) { audit, kind in
      if audit.condemned[kind] != nil {
        audit.report(entry, "relies on \(name(kind)), which was condemned before")
      }
    }
  }

  private mutating func forEach(
    _ list: ObjectList, _ entry: UInt64,
    _ body: (inout DeletionAudit, ObjectClass) -> Void
  ) throws {
    let objects: [ObjectReference]
    do {
      objects = try list.objects(in: storage)
    } catch let error as VarveError where error.code == .missing || error.code == .damaged {
      findings.append(
        AuditFinding(
          .broken, .object, entry: entry, object: list.inventory.map(ObjectName.inventory),
          "what entry \(entry) names cannot be known: \(error)"))
      return
    }
    for object in objects {
      if let kind = ObjectClass(object.name) { body(&self, kind) }
    }
  }

  private mutating func report(_ entry: UInt64, _ message: String) {
    findings.append(AuditFinding(.broken, .deletion, entry: entry, "entry \(entry) \(message)"))
  }
}

private func short(_ id: Digest) -> String { String(id.hex.prefix(8)) }

private func name(_ kind: ObjectClass) -> String {
  switch kind {
  case .pack(let digest): ObjectName.pack(digest)
  case .index(let digest): ObjectName.index(digest)
  case .snapshot(let digest): ObjectName.snapshot(digest)
  default: "an object"
  }
}
