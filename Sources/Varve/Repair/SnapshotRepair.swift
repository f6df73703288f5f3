// Repairing snapshots (docs/reliability.md, "Repair"):
//
//     look       what of each snapshot no live pack has: `repair index` and `repair packs` have said what is lost
//     write      directories without it, link table and record; all durable before the log names them (I1)
//     commit     for each snapshot an entry for the new record and, where asked for, a forget entry for the old one
//
// A record is never changed. The new one keeps everything but tree, link table and unfinished files, and names the first
// one as `original`; its log entry does not, since change caches of the first one do not hold for it.

internal import VarveCrypto
public import VarveFormat
public import VarveRepository
internal import VarveStorage

/// Makes new snapshots of those that need what is lost, without it. Needs an owner's credential.
public struct SnapshotRepair: Sendable {
  public struct Options: Sendable {
    /// Whether an empty file or directory takes the place of what cannot be read.
    public var marks = false
    /// Whether the old snapshots are forgotten.
    public var forgets = false
    public var isDryRun = false

    public init() {}
  }

  /// What became of a snapshot that is not whole.
  public struct Repaired: Sendable {
    public enum Outcome: Sendable, Equatable {
      /// The new one; nil in a dry run.
      case repaired(Digest?)
      /// An earlier repair has made the same.
      case isThere(Digest)
      /// Neither its record nor its root directory can be read: there is nothing to make a new one of.
      case beyondRepair(String)
    }

    public let old: Digest
    /// Nil when its record cannot be read.
    public let record: SnapshotRecord?
    public internal(set) var outcome: Outcome
    /// Ascending by path.
    public internal(set) var unreadable: [UnreadableEntry] = []
    /// Whether it is no longer known which files are hard links to each other.
    public internal(set) var hasLostLinks = false
    /// Files that were being read when a partial snapshot was made, and whose beginnings are lost.
    public internal(set) var unfinished = 0
    /// Whether the old one was forgotten, or would be.
    public internal(set) var isForgotten = false
    /// The log entry that holds the old one, which is why it was not forgotten.
    public internal(set) var hold: UInt64?
  }

  /// Snapshots that are replaced in one commit; each takes up to two entries of 255.
  private static let commitLimit = 80
  private static let attemptLimit = 5

  private let unlocked: UnlockedRepository
  private let options: Options
  private let cancellation: CancellationFlag

  /// - Throws: `.forbidden` for other roles than the owner.
  public init(
    _ unlocked: UnlockedRepository, options: Options = Options(),
    cancellation: CancellationFlag = CancellationFlag()
  ) throws {
    try unlocked.require(.owner, to: "repair snapshots")
    self.unlocked = unlocked
    self.options = options
    self.cancellation = cancellation
  }

  /// Repairs `snapshots`, which are live; those that are whole are left as they are.
  ///
  /// - Returns: the others, in the order of `snapshots`.
  /// - Throws: `.damaged` and `.missing` when something is damaged that the log does not call lost yet, and nothing has
  ///   changed; `.notFound` when one of them was forgotten meanwhile; `.io`; `.interrupted`.
  public func run(on snapshots: [Digest]) throws -> [Repaired] {
    let earlier = EarlierRepairs(unlocked, cancellation)
    var done: [Repaired] = []
    for start in stride(from: 0, to: snapshots.count, by: Self.commitLimit) {
      let part = Array(snapshots[start..<min(start + Self.commitLimit, snapshots.count)])
      done += try repair(part, earlier)
    }
    return done
  }

  private func repair(
    _ snapshots: [Digest], _ earlier: EarlierRepairs
  ) throws -> [Repaired] {
    for _ in 0..<Self.attemptLimit {
      try unlocked.log.refresh()
      do {
        return try attempt(snapshots, earlier)
      } catch is SessionIsInvalid {
        continue
      }
    }
    throw VarveError(
      .io, "others kept deleting from the repository while snapshots were repaired",
      hint: "run the repair again when no prune is at work")
  }

  private func opened() throws -> IndexedRepository {
    do {
      return try IndexedRepository(unlocked)
    } catch let error as VarveError where error.code == .damaged || error.code == .missing {
      throw VarveError(
        error.code, "the index is not whole", hint: "run 'varve repair index' first", cause: error)
    }
  }

  /// A snapshot and the record that is to take its place.
  private struct Planned {
    var result: Repaired
    var record: SnapshotRecord?
  }

  private func attempt(
    _ snapshots: [Digest], _ earlier: EarlierRepairs
  ) throws -> [Repaired] {
    let repository = try opened()
    try repository.requireEveryPackIsIndexed()
    let storage: any StorageBackend =
      options.isDryRun ? DryRunStorage(repository.storage) : repository.storage
    let store = try repository.makeStore(
      level: .auto, verifies: true, storage: storage, keepsIndex: !options.isDryRun)
    defer { store.end() }
    let writer = try store.makeWriter()
    let trees = try TreeRepair(
      repository, writer: options.isDryRun ? nil : writer, marks: options.marks,
      cancellation: cancellation)
    let links = try LinkTableChunker(of: unlocked)
    var planned: [Planned] = []
    for snapshot in snapshots {
      try cancellation.check()
      if let plan = try plan(snapshot, trees, links, repository, earlier) {
        planned.append(plan)
      }
    }
    let now = WallClock.now()
    for number in planned.indices where options.forgets {
      let hold = repository.state.hold(on: planned[number].result.old, at: now)
      planned[number].result.hold = hold?.entry
      planned[number].result.isForgotten = hold == nil
    }
    guard !options.isDryRun else { return planned.map(\.result) }
    try writer.flush()
    let added = try store.finish(by: writer)
    return try commit(planned, adding: added, repository, store)
  }

  // MARK: Look

  /// - Returns: nil when the snapshot is whole.
  private func plan(
    _ snapshot: Digest, _ trees: TreeRepair, _ chunker: LinkTableChunker,
    _ repository: IndexedRepository, _ earlier: EarlierRepairs
  ) throws -> Planned? {
    guard let old = repository.state.snapshots[snapshot] else {
      throw VarveError(
        .notFound, "the snapshot \(snapshot) was forgotten meanwhile",
        hint: "list the snapshots again")
    }
    let record: SnapshotRecord
    do {
      record = try unlocked.snapshotRecord(snapshot)
    } catch let error as VarveError where error.code == .damaged || error.code == .missing {
      return Planned(
        result: Repaired(
          old: snapshot, record: nil, outcome: .beyondRepair("its record cannot be read: \(error)"))
      )
    }
    var result = Repaired(old: snapshot, record: record, outcome: .repaired(nil))
    var new = record
    switch try trees.repair(
      DirectoryContent(
        id: record.tree.id, proofRoot: record.tree.root, entryCount: record.tree.entries))
    {
    case .whole: break
    case .changed(let root):
      let content = root.content
      new.tree = SnapshotRecord.Tree(
        id: content.id, root: content.proofRoot, entries: content.entryCount)
      result.unreadable = root.unreadable
    case .unreadable:
      result.outcome = .beyondRepair("its root directory cannot be read")
      return Planned(result: result)
    }
    if !record.links.isEmpty {
      if let groups = try trees.links(of: record) {
        let left = Self.without(result.unreadable, groups)
        if left != groups { new.links = try chunker.store(left, by: trees.store) }
      } else {
        new.links = []
        result.hasLostLinks = true
      }
    }
    new.unfinished = try record.unfinished.filter { try trees.isWhole(unfinished: $0) }
    result.unfinished = record.unfinished.count - new.unfinished.count
    guard new != record else { return nil }
    new.original = record.original ?? snapshot
    if let known = try earlier.snapshot(like: new, of: old, in: repository.state) {
      result.outcome = .isThere(known)
      return Planned(result: result)
    }
    return Planned(result: result, record: new)
  }

  /// The groups of names that are left of a link table.
  private static func without(
    _ unreadable: [UnreadableEntry], _ groups: [[[UInt8]]]
  ) -> [[[UInt8]]] {
    let gone = Set(
      unreadable.lazy.filter { if case .entries = $0.kind { false } else { true } }
        .map(\.path))
    func isThere(_ path: [UInt8]) -> Bool {
      var end = path.endIndex
      while true {
        if gone.contains(Array(path[..<end])) { return false }
        guard let slash = path[..<end].lastIndex(of: UInt8(ascii: "/")) else { return true }
        end = slash
      }
    }
    return groups.map { $0.filter(isThere) }.filter { $0.count > 1 }
  }

  // MARK: Commit

  private func commit(
    _ planned: [Planned], adding added: [ObjectReference], _ repository: IndexedRepository,
    _ store: ChunkStore
  ) throws -> [Repaired] {
    let ids = try unlocked.keys.opaqueIDs()
    var results: [Repaired] = []
    var additions: [LogStatement.Body] = []
    var names: [String] = []
    var objects = try ObjectList(storing: added, in: unlocked.storage)
    for plan in planned {
      var result = plan.result
      if var record = plan.record {
        record.treeSalt = SecureRandom.digest()
        let bytes = try unlocked.seal(record)
        let id = SHA256.digest(bytes)
        try unlocked.storage.put(ObjectName.snapshot(id), bytes)
        names.append(ObjectName.snapshot(id))
        additions.append(
          .snapshot(
            try LogStatement.SnapshotAddition(
              snapshot: id, record: record, additions: objects, parent: record.parent,
              original: nil, ids: ids)))
        objects = .listed([])
        result.outcome = .repaired(id)
      }
      results.append(result)
    }
    _ = try unlocked.log.append { state in
      try cancellation.check()
      let now = WallClock.now()
      for number in results.indices {
        let old = results[number].old
        guard state.snapshots[old] != nil else {
          throw VarveError(
            .notFound, "the snapshot \(old) was forgotten meanwhile",
            hint: "list the snapshots again")
        }
        guard options.forgets else { continue }
        let hold = state.hold(on: old, at: now)
        results[number].hold = hold?.entry
        results[number].isForgotten = hold == nil
      }
      // What a new record refers to is what the old one has, and live with it, as long as no more of that is lost.
      if state.losses.contains(where: { $0.entry >= repository.state.size }) {
        throw SessionIsInvalid()
      }
      for name in names {
        if try store.isInvalid(in: state, since: repository.state.size, record: name) {
          throw SessionIsInvalid()
        }
      }
      return additions
        + LogStatement.Forgetting.bodies(
          forgetting: results.filter(\.isForgotten).map(\.old),
          reason: "repaired: what could not be read was left out")
    }
    return results
  }
}
