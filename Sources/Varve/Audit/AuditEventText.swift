internal import VarveFormat

/// What an entry changes of who may do what, and of what is kept; nil for all others.
enum AuditEventText {
  static func text(_ body: LogStatement.Body) -> String? {
    switch body {
    case .genesis: return "the log begins"
    case .credential(let change):
      let added = change.additions.map { "adds the \($0.role.rawValue) \($0.keyID.text.prefix(8))" }
      let removed = change.removals.map { "removes \($0.keyID.text.prefix(8))" }
      return (added + removed).joined(separator: ", ")
    case .policy(let change):
      let whose = change.source.map { "the source \($0.hex.prefix(8))" } ?? "all sources"
      guard let keep = change.keep else { return "removes the policy of \(whose)" }
      let rules = RetentionRules(
        keep,
        tags: Dictionary(
          uniqueKeysWithValues: keep.tags.map { ($0, "#\($0.hex.prefix(8))") }))
      return "policy of \(whose): \(rules.text(hidesTags: false))"
    case .hold(let hold):
      let term =
        switch hold.term {
        case .until(let end): " until \(end.utcSeconds)"
        case .released: ""
        case .permanent: " for ever"
        }
      return "holds \(list(hold.snapshots))\(term): \(hold.reason)"
    case .release(let release): return "releases \(list(release.snapshots)): \(release.reason)"
    case .undo(let undo):
      return undo.snapshots.isEmpty
        ? "rescinds a condemn entry" : "brings back \(list(undo.snapshots))"
    case .lost(let loss): return "declares objects lost: \(loss.objects.listed.count)"
    case .threshold(let threshold):
      return threshold.owners == 1
        ? "each owner acts alone" : "\(threshold.owners) owners have to agree"
    case .proposal(let proposal): return "proposes a \(proposal.action.kind) entry"
    case .approval(let approval): return "agrees to what entry \(approval.proposal) proposes"
    case .snapshot, .forget, .check, .repack, .condemn, .sweep, .receipt, .cosign, .anchor:
      return nil
    }
  }

  private static func list(_ snapshots: [Digest]) -> String {
    let shown = snapshots.prefix(3).map { String($0.hex.prefix(8)) }.joined(separator: " ")
    return snapshots.count > 3 ? "\(shown) and \(snapshots.count - 3) more" : shown
  }
}
