import VarveFormat
import VarveProof

extension LogStatement.Body {
  /// What an entry says, in a few words.
  var summary: String {
    switch self {
    case .genesis(let genesis): return "config \(Self.short(genesis.config))"
    case .credential(let change):
      let added = change.additions.map { "+\(Self.short($0.credential)) (\($0.role.rawValue))" }
      return (added + change.removals.map { "-\(Self.short($0.credential))" })
        .joined(separator: " ")
    case .snapshot(let addition):
      let partial = addition.isPartial ? ", partial" : ""
      let original = addition.original.map { ", was \(Self.short($0))" } ?? ""
      return "\(Self.short(addition.snapshot))\(partial), \(Self.text(addition.additions, "new "))"
        + original
    case .forget(let forgetting):
      return Self.text(forgetting.snapshots) + ": " + ByteText.printable(forgetting.reason)
    case .check(let result):
      return ByteText.printable(result.scope) + ": "
        + (result.isDamaged ? "\(result.damaged.count) damaged" : "no damage")
    case .policy(let change):
      let source = change.source.map { "source \(Self.short($0))" } ?? "default"
      return "\(source): \(change.keep.map(Self.text) ?? "removed")"
    case .hold(let hold):
      let term =
        switch hold.term {
        case .until(let time): " until \(time.utcSeconds)"
        case .released: ""
        case .permanent: " permanently"
        }
      return Self.text(hold.snapshots) + term + ": " + ByteText.printable(hold.reason)
    case .release(let release):
      return Self.text(release.snapshots) + ": " + ByteText.printable(release.reason)
    case .repack(let repack):
      return "\(repack.reason.rawValue), \(Self.text(repack.additions, "new "))"
    case .condemn(let condemnation): return Self.text(condemnation.objects)
    case .sweep(let sweep): return Self.text(entries: sweep.condemned)
    case .undo(let undo):
      let entries = undo.condemned.isEmpty ? [] : [Self.text(entries: undo.condemned)]
      return ((undo.snapshots.isEmpty ? [] : [Self.text(undo.snapshots)]) + entries)
        .joined(separator: ", ")
    case .lost(let loss): return Self.text(loss.objects)
    case .threshold(let threshold): return "\(threshold.owners) owners have to agree"
    case .proposal(let proposal): return "\(proposal.action.kind): \(proposal.action.summary)"
    case .approval(let approval): return Self.text(entries: [approval.proposal])
    case .receipt(let receipt):
      let snapshots = receipt.snapshots.isEmpty ? "" : " of " + Self.text(receipt.snapshots)
      return ByteText.printable(
        "\(receipt.activity.rawValue) \(receipt.result.rawValue): \(receipt.scope)")
        + snapshots
    case .cosign(let cosigning): return Self.text(checkpoint: cosigning.checkpoint)
    case .anchor(let anchoring): return Self.text(checkpoint: anchoring.checkpoint)
    }
  }

  private static func short(_ digest: Digest) -> String { String(digest.hex.prefix(8)) }

  private static func text(_ snapshots: [Digest]) -> String {
    snapshots.map(short).joined(separator: " ")
  }

  private static func text(entries: [UInt64]) -> String {
    (entries.count == 1 ? "entry " : "entries ") + entries.map { "\($0)" }.joined(separator: " ")
  }

  private static func text(checkpoint note: String) -> String {
    guard let note = try? SignedNote(Array(note.utf8), "checkpoint"),
      let checkpoint = try? Checkpoint(text: note.text, "checkpoint")
    else { return "" }
    let witnesses = note.signatures.map(\.name).filter { $0 != checkpoint.origin }
    return "size \(checkpoint.head.size)"
      + (witnesses.isEmpty
        ? "" : " by \(witnesses.map { ByteText.printable(Array($0.utf8)) }.joined(separator: " "))")
  }

  private static func text(_ objects: ObjectList, _ adjective: String = "") -> String {
    switch objects {
    case .listed(let objects): "\(objects.count) \(adjective)objects"
    case .inventory(let digest): "inventory \(short(digest))"
    }
  }

  private static func text(_ policy: RetentionPolicy) -> String {
    var parts: [String] = []
    for rule in RetentionPolicy.CountRule.allCases where policy[rule] > .zero {
      if case .limited(let count) = policy[rule] {
        parts.append("\(rule.rawValue) \(count)")
      } else {
        parts.append("\(rule.rawValue) unlimited")
      }
    }
    for rule in RetentionPolicy.DurationRule.allCases where !policy[rule].isZero {
      parts.append("\(rule.rawValue) \(policy[rule])")
    }
    if !policy.tags.isEmpty { parts.append("\(policy.tags.count) tags") }
    return parts.joined(separator: ", ")
  }
}
