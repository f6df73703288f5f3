public import VarveFormat
public import VarveRepository

/// Sets and removes the policies that the log holds.
///
/// Owners may do anything. A writer may set a policy that keeps at least what the one in force keeps, but not the first
/// one: without a policy everything is kept.
public struct PolicyChange {
  private let repository: UnlockedRepository
  private let ids: OpaqueIDs

  /// - Throws: `.forbidden` for a role without the key that names sources.
  public init(_ repository: UnlockedRepository) throws {
    self.repository = repository
    ids = try repository.keys.opaqueIDs()
  }

  /// A stored policy of those rules.
  ///
  /// - Throws: `.usage` for none, and for a list of several tags or of none: it keeps single tags.
  public func policy(_ rules: RetentionRules) throws -> RetentionPolicy {
    var policy = RetentionPolicy()
    for rule in RetentionRules.CountRule.allCases { policy[rule] = rules[rule] }
    for rule in RetentionRules.DurationRule.allCases { policy[rule] = rules[rule] }
    policy.tags = try rules.tagLists.map { list in
      guard list.count == 1, let tag = list.first, !tag.isEmpty else {
        throw VarveError(
          .usage, "a policy keeps single tags, not [\(list.joined(separator: ", "))]",
          hint: "give each tag its own --keep-tag")
      }
      return ids.tag(tag)
    }
    policy.tags += rules.unknownTags
    guard policy.tags.count <= RetentionPolicy.tagLimit else {
      throw VarveError(.usage, "a policy has at most \(RetentionPolicy.tagLimit) tags")
    }
    guard !policy.isEmpty else {
      throw VarveError(
        .usage, "the policy keeps nothing", hint: "give it rules, such as --keep-daily 7")
    }
    return policy
  }

  /// Puts a policy in force; the one that is, is appended no second time.
  ///
  /// - Parameter source: nil for every source that has none of its own.
  /// - Returns: the index of its entry; nil when it was in force already.
  /// - Throws: `.forbidden` for a reader, and for a writer when it keeps less or none is in force.
  public func set(_ policy: RetentionPolicy, for source: SnapshotSource?) throws -> UInt64? {
    try repository.require(.owner, .writer, to: "set a policy")
    let change = LogStatement.PolicyChange(source: source?.id(ids), keep: policy)
    return try repository.log.append { state in
      let present = change.source.map { state.policies[$0] } ?? state.defaultPolicy
      guard present?.keep != policy else { return [] }
      guard repository.role == .owner || !state.isLoosening(change) else {
        throw Self.loosens(state.policy(forSource: change.source))
      }
      return [.policy(change)]
    }.first
  }

  /// - Parameter present: the policy in force.
  private static func loosens(_ present: LogState.Policy?) -> VarveError {
    guard present != nil else {
      return VarveError(
        .forbidden, "a writer may not set the first policy: without one everything is kept",
        hint: "ask an owner to set it")
    }
    return VarveError(
      .forbidden, "a writer may not loosen a policy: the one in force keeps more",
      hint: "keep at least as much by each rule, or ask an owner")
  }

  /// Takes a policy out of force.
  ///
  /// - Throws: `.notFound` when there is none; `.forbidden` for other roles than the owner.
  public func remove(from source: SnapshotSource?) throws -> UInt64? {
    try remove(id: source?.id(ids))
  }

  /// The same by the source's id in the log, nil for the default.
  public func remove(id: Digest?) throws -> UInt64? {
    try repository.require(.owner, to: "remove a policy")
    return try repository.log.append { state in
      guard (id.map { state.policies[$0] } ?? state.defaultPolicy) != nil else {
        throw VarveError(
          .notFound,
          id == nil ? "there is no default policy" : "the source has no policy of its own",
          hint: "see 'varve policy list'")
      }
      return [.policy(LogStatement.PolicyChange(source: id, keep: nil))]
    }.first
  }
}

/// What the opaque ids of sources and tags stand for, as far as live snapshots tell.
public struct PolicyNames: Sendable {
  public let sources: [Digest: SnapshotSource]
  public let tags: [Digest: String]

  /// Reads the headings of all live snapshots that can be read; a writer, who cannot, knows no names.
  ///
  /// - Throws: what is of no one record.
  public init(_ repository: UnlockedRepository) throws {
    guard repository.role != .writer else {
      (sources, tags) = ([:], [:])
      return
    }
    let ids = try repository.keys.opaqueIDs()
    let headings = try repository.eachSnapshotHeading(repository.liveSnapshots)
      .compactMap { try? $0.get() }
    let sources = Set(headings.map { SnapshotSource($0) })
    self.sources = Dictionary(sources.map { ($0.id(ids), $0) }) { first, _ in first }
    tags = ids.names(ofTags: headings.lazy.flatMap(\.tags))
  }

  /// The rules of a policy; a tag that no snapshot has shows as `#` and the first digits of its id.
  public func rules(_ policy: RetentionPolicy) -> RetentionRules {
    var names = tags
    for tag in policy.tags where names[tag] == nil { names[tag] = "#\(tag.hex.prefix(8))" }
    return RetentionRules(policy, tags: names)
  }
}
