internal import VarveFormat

/// The policies of the log at one point of it, in a form that can be applied without keys: tags go by short names of
/// their ids.
struct PoliciesInForce {
  struct Policy {
    /// The entry that set it.
    let entry: UInt64
    let rules: RetentionRules
  }

  private var ofAll: Policy?
  private var ofSources: [Digest: Policy] = [:]
  private var names: [Digest: String] = [:]
  private var tags: [String: Digest] = [:]

  var hasAny: Bool { ofAll != nil || !ofSources.isEmpty }

  func inForce(for source: Digest) -> Policy? { ofSources[source] ?? ofAll }

  /// At most fifteen bytes, so that none is allocated.
  mutating func name(ofTag tag: Digest) -> String {
    if let name = names[tag] { return name }
    let name = "#\(names.count)"
    names[tag] = name
    tags[name] = tag
    return name
  }

  mutating func take(_ change: LogStatement.PolicyChange, _ entry: UInt64) {
    let policy = change.keep.map { keep in
      for tag in keep.tags { _ = name(ofTag: tag) }
      return Policy(entry: entry, rules: RetentionRules(keep, tags: names))
    }
    if let source = change.source { ofSources[source] = policy } else { ofAll = policy }
  }

  /// Tags by the first digits of their ids.
  func text(ofTags names: [String]) -> String {
    let ids = names.map { tags[$0].map { "#\($0.hex.prefix(8))" } ?? $0 }
    return "[\(ids.joined(separator: ", "))]"
  }

  /// Why something is kept; a tag by the first digits of its id.
  func text(_ reason: RetentionReason) -> String {
    guard case .rule(.tags(let names), _) = reason else { return reason.text }
    return "has tags \(text(ofTags: names))"
  }
}
