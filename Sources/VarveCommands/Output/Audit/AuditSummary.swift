import Varve
import VarveFormat
import VarveProof

/// An audit's result for people.
struct AuditSummary {
  private let report: AuditReport
  private let config: Digest

  init(_ report: AuditReport, config: Digest) {
    self.report = report
    self.config = config
  }

  /// With `--quiet` only what is broken.
  func print(on console: Console) throws {
    if !console.isQuiet { for (name, text) in facts { try line(name, text, console) } }
    for notice in report.notices where !console.isQuiet {
      try line("notice", ByteText.printable(notice.message), console)
    }
    for finding in report.broken.dropFirst() {
      try line("broken", ByteText.printable(finding.message), console)
    }
    guard let first = report.broken.first else {
      if !console.isQuiet { try console.line("every link holds") }
      return
    }
    try console.output.flush()
    console.status.print("varve: error: the audit failed: \(ByteText.printable(first.message))")
    console.status.print("varve: hint: \(Self.hint(first.kind))")
  }

  private func line(_ name: String, _ text: String, _ console: Console) throws {
    try console.line("\(name.padded(to: 12))  \(text)")
  }

  private var facts: [(String, String)] {
    var facts = [
      ("log", report.origin),
      ("key", report.key + (report.isKeyGiven ? ", as given" : ", by the repository's own word")),
      ("config", config.hex),
      (
        "verified",
        "\(HumanText.count(report.head.size, "entry", "entries")) in \(HumanText.count(report.commits, "commit")), root "
          + Base64.encode(report.head.root.bytes) + (report.isWhole ? "" : "; what follows is not")
      ),
    ]
    for head in [report.checkpoint].compactMap({ $0 }) + report.pins {
      facts.append(("checkpoint", Self.text(head)))
    }
    let period = report.period
    facts.append(
      (
        "judged",
        "\(period.from.map { "from \($0.utcSeconds) " } ?? "")to \(period.to.utcSeconds): "
          + (period.entries.isEmpty
            ? "no entries"
            : "entries \(period.first.size) to \(period.last.size - 1)")
      ))
    let snapshots = report.snapshots
    facts.append(
      (
        "snapshots",
        "\(snapshots.added) added, \(snapshots.replaced) replaced, \(snapshots.forgotten) let go by policy, "
          + "\(snapshots.overridden) against it, \(snapshots.restored) brought back; \(snapshots.live) live"
      ))
    facts.append(
      ("checks", "\(report.checks.all) recorded, of which \(report.checks.damaged) found damage"))
    if report.receipts > 0 { facts.append(("receipts", "\(report.receipts) recorded")) }
    if report.timeProofs > 0 {
      facts.append(("times", HumanText.count(report.timeProofs, "proof") + " of time"))
    }
    if let objects = report.objects {
      let read = objects.bytesRead > 0 ? ", \(HumanText.bytes(objects.bytesRead)) read" : ""
      facts.append(
        (
          "objects",
          "\(HumanText.count(objects.checked, "live object")) compared\(read); \(objects.unreferenced) that the log does not name"
        ))
    }
    return facts
  }

  private static func text(_ head: AuditReport.SignedHead) -> String {
    let state =
      if head.conflict != nil {
        "another log"
      } else if let proof = head.proof {
        proof.isEmpty
          ? "continued" : "continued, \(HumanText.count(proof.count, "hash", "hashes")) prove it"
      } else {
        "not reached"
      }
    return "\(ByteText.printable(head.name)), size \(head.head.size): \(state)"
  }

  private static func hint(_ kind: AuditFinding.Kind) -> String {
    switch kind {
    case .key:
      "ask the repository's owner for its key, by another way than the repository's storage"
    case .entry, .truncated, .checkpoint, .tile:
      "keep the repository as it is, as evidence; bring back what is damaged or missing from a copy of it, and audit again"
    case .fork, .unauthorized:
      "keep the repository as it is, as evidence, and ask its owners who did this; --json has both heads and all proofs"
    case .time: "ask the author of the entry; correct the clocks"
    case .retention, .hold:
      "ask the author of the entry; while nothing was swept, an owner can bring snapshots back with 'varve undo'"
    case .deletion:
      "have an owner run 'varve check --read-data', which says what can still be restored"
    case .gap: "find out why backups did not run"
    case .drill: "ask the author of the entry why the drill has no end; run it again"
    case .check, .receipt: "have it done, and audit again"
    case .witness: "ask the witnesses of the policy for what they have seen"
    case .object: "run 'varve check', which says which snapshots and files that concerns"
    }
  }
}
