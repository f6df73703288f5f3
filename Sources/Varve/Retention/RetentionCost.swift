public import VarveFormat
public import VarveRepository

/// What the snapshots that each rule keeps cost: stored bytes of blocks that nothing else needs.
///
/// A block is stored whole while anything in it is needed. Each tree is walked once for each different set of
/// rules that keep snapshots with it, not once a snapshot; what changed nothing above is not read again.
/// Memory: 16 to 32 bytes for each block and for each tree node (BlockUsers.swift), and 16 MiB of nodes.
public struct RetentionCost: Sendable {
  public struct Row: Sendable, Equatable {
    public let reason: RetentionReason
    /// How many snapshots are kept for it.
    public let snapshots: Int
    /// Bytes that only those snapshots need.
    public let bytes: UInt64
    /// Bytes that nothing would need without it: of those, what no other reason keeps.
    public let savedWithout: UInt64
  }

  /// One for each rule that keeps anything and for each other reason.
  public let rows: [Row]
  public let forgottenSnapshots: Int
  /// Bytes that only snapshots need which are to be forgotten.
  public let freed: UInt64
  /// Bytes that any of the snapshots needs.
  public let total: UInt64

  /// Reads the trees of all snapshots.
  ///
  /// - Parameters:
  ///   - others: live snapshots that the plan is not about; they need what they need.
  ///   - source: where nodes are read.
  ///   - record: the record of a snapshot.
  ///   - locate: where a chunk lies.
  /// - Throws: `.damaged` and `.missing`; what the closures throw.
  public init(
    _ plan: ForgetPlan, others: [Digest], from source: any ChunkSource,
    record: (Digest) throws -> SnapshotRecord, locate: @escaping (Digest) -> ChunkLocation?
  ) throws {
    let kept = plan.groups.flatMap(\.kept)
    var numbers: [RetentionReason: Int] = [:]
    var reasons: [RetentionReason] = []
    for reason in kept.flatMap(\.reasons).map(\.byRuleAlone) where numbers[reason] == nil {
      // More than 255 different reasons share the last number, and the last row.
      numbers[reason] = min(reasons.count, Self.otherNumber - 1)
      if reasons.count < Self.otherNumber { reasons.append(reason) }
    }
    let order = reasons.indices.sorted { reasons[$0].rank < reasons[$1].rank }
    var counts = [Int](repeating: 0, count: reasons.count)
    var walker = UseWalk(source: source, locate: locate)
    let users = kept.map { snapshot in
      (snapshot.id, Set(snapshot.reasons.compactMap { numbers[$0.byRuleAlone] }))
    }
    for (_, numbers) in users { for number in numbers { counts[number] += 1 } }
    let ranked =
      users.map { ($0.0, RuleSet(Array($0.1))) }.sorted { $0.1.precedes($1.1) }
      + others.map { ($0, RuleSet([Self.otherNumber])) }
    for (id, rules) in ranked { try walker.add(try record(id), by: .kept(rules)) }
    let removed = plan.removed
    for snapshot in removed { try walker.add(try record(snapshot.id), by: .forgotten) }
    let used = walker.users
    rows = order.map { number in
      Row(
        reason: reasons[number], snapshots: counts[number],
        bytes: used.bytes(onlyUsedBy: number), savedWithout: used.bytes(onlyKeptBy: number))
    }
    forgottenSnapshots = removed.count
    freed = used.bytesOfForgotten
    total = used.bytesOfAll
  }
}

extension RetentionCost {
  /// Stands for snapshots that the plan is not about.
  private static let otherNumber = RuleSet.limit - 1
}

extension RetentionReason {
  /// Whatever the time it went by, and be it for the oldest snapshot: the rule is the same.
  var byRuleAlone: RetentionReason {
    switch self {
    case .rule(let rule, _), .believedRule(let rule, _): .rule(rule, isOldest: false)
    default: self
    }
  }

  /// Rules in the order of their options, then the others.
  fileprivate var rank: (Int, Int, String) {
    switch self {
    case .rule(.count(let rule, let count), _):
      (0, RetentionPolicy.CountRule.allCases.firstIndex(of: rule) ?? 0, count.text.leadingZeros)
    case .rule(.duration(let rule, let duration), _):
      (1, RetentionPolicy.DurationRule.allCases.firstIndex(of: rule) ?? 0, duration.text)
    case .rule(.tags(let tags), _): (2, 0, tags.joined(separator: ","))
    case .believedRule: byRuleAlone.rank
    case .hold: (3, 0, "")
    case .unfinished: (3, 1, "")
    case .noPolicy: (3, 2, "")
    case .unreadable: (3, 3, "")
    case .spared: (3, 4, "")
    case .lastFilled: (3, 5, "")
    }
  }
}

extension String {
  /// Numbers as text in the order of numbers.
  fileprivate var leadingZeros: String {
    String(repeating: "0", count: max(0, 19 - utf8.count)) + self
  }
}

/// Walks trees and marks what they use.
private struct UseWalk {
  let source: any ChunkSource
  let locate: (Digest) -> ChunkLocation?
  var users = BlockUsers()

  mutating func add(_ snapshot: SnapshotRecord, by user: BlockUsers.User) throws {
    for id in snapshot.links { users.use(try location(id), by: user) }
    for list in snapshot.unfinished { try add(list: list, by: user) }
    let root = snapshot.rootDirectory
    guard users.useNode(try location(root.id), by: user) else { return }
    let walk = try TreeWalk(root, from: source)
    while let step = try walk.next() {
      guard case .entry(let raw) = step else { continue }
      if let part = walk.newPart { _ = users.useNode(try location(part), by: user) }
      switch try raw.decode().content {
      case .directory(let content):
        if users.useNode(try location(content.id), by: user) { try walk.enter(content) }
      case .file(let file): try add(file, by: user)
      default: continue
      }
    }
  }

  private mutating func add(_ file: FileContent, by user: BlockUsers.User) throws {
    switch file.form {
    case .chunks(let chunks):
      for chunk in chunks { users.use(try location(chunk.address), by: user) }
    case .lists(let lists):
      for list in lists { try add(list: list.id, by: user) }
    }
  }

  private mutating func add(list: Digest, by user: BlockUsers.User) throws {
    guard users.useNode(try location(list), by: user) else { return }
    let node = try source.withChunk(list) { try ChunkListNode(decoding: $0) }
    for chunk in node.chunks { users.use(try location(chunk.address), by: user) }
  }

  private func location(_ id: Digest) throws -> ChunkLocation {
    guard let location = locate(id) else {
      throw VarveError(
        .missing, "no index knows chunk \(id)",
        hint: "run 'varve check' to see which snapshots and files are affected")
    }
    return location
  }
}
