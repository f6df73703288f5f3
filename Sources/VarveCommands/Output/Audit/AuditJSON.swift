import Varve
import VarveFormat
import VarveProof

/// An audit's result as one JSON document (docs/json.md).
struct AuditJSON {
  private let report: AuditReport
  private let config: Digest

  init(_ report: AuditReport, config: Digest) {
    self.report = report
    self.config = config
  }

  func print(on console: Console) throws {
    try console.json { writer in
      writer.member("message_type", "audit")
      writer.member("holds", report.holds)
      writer.member("origin", report.origin)
      writer.member("key", report.key)
      writer.member("key_given", report.isKeyGiven)
      writer.member("config_digest", config.hex)
      writer.member("program", report.program)
      writer.member("time", report.generated.utcSeconds)
      log(into: &writer)
      period(into: &writer)
      history(into: &writer)
      if let objects = report.objects {
        writer.key("objects")
        writer.object {
          $0.member("mode", objects.mode.rawValue)
          $0.member("checked", objects.checked)
          $0.member("bytes_read", objects.bytesRead)
          $0.member("unreferenced", objects.unreferenced)
        }
      }
      list("broken", report.broken, into: &writer)
      list("notices", report.notices, into: &writer)
    }
  }

  private func log(into writer: inout JSONWriter) {
    writer.member("size", report.head.size)
    writer.member("root", Self.text(report.head.root))
    writer.member("whole", report.isWhole)
    writer.member("commits", report.commits)
    writer.member("tiles", report.tiles)
    writer.member("time_proofs", report.timeProofs)
    writer.key("checkpoints")
    writer.array { writer in
      for head in [report.checkpoint].compactMap({ $0 }) + report.pins {
        writer.object {
          $0.member("name", head.name)
          $0.member("size", head.head.size)
          $0.member("root", Self.text(head.head.root))
          if let conflict = head.conflict {
            $0.member("conflicting_root", Self.text(conflict.root))
          }
          if let proof = head.proof { $0.member("consistency", proof.map(Self.text)) }
        }
      }
    }
  }

  private func period(into writer: inout JSONWriter) {
    let period = report.period
    writer.key("period")
    writer.object {
      if let from = period.from { $0.member("from", from.utcSeconds) }
      $0.member("to", period.to.utcSeconds)
      for (name, head) in [("first", period.first), ("last", period.last)] {
        $0.key(name)
        $0.object {
          $0.member("size", head.size)
          $0.member("root", Self.text(head.root))
        }
      }
      $0.member("consistency", period.proof.map(Self.text))
    }
  }

  private func history(into writer: inout JSONWriter) {
    writer.key("entries")
    writer.object { writer in
      for (kind, count) in report.kinds.sorted(by: { $0.key < $1.key }) {
        writer.member(kind, count)
      }
    }
    let snapshots = report.snapshots
    writer.key("snapshots")
    writer.object {
      $0.member("added", snapshots.added)
      $0.member("partial", snapshots.partial)
      $0.member("replaced", snapshots.replaced)
      $0.member("forgotten", snapshots.forgotten)
      $0.member("overridden", snapshots.overridden)
      $0.member("restored", snapshots.restored)
      $0.member("live", snapshots.live)
    }
    writer.key("checks")
    writer.object {
      $0.member("all", report.checks.all)
      $0.member("damaged", report.checks.damaged)
    }
    writer.member("receipts", report.receipts)
    writer.key("authors")
    writer.array { writer in
      for author in report.authors {
        writer.object {
          $0.member("author", author.keyID.text)
          $0.member("role", author.role.rawValue)
          if let credential = author.credential { $0.member("credential", credential.hex) }
          $0.member("added", author.added)
          if let removed = author.removed { $0.member("removed", removed) }
          $0.member("entries", author.entries)
        }
      }
    }
    writer.key("sources")
    writer.array { writer in
      for source in report.sources {
        writer.object {
          $0.member("source", source.id.hex)
          $0.member("snapshots", source.snapshots)
          $0.member("live", source.live)
          if let newest = source.newest { $0.member("newest", newest.utcSeconds) }
          $0.member("longest_gap", source.longestGap)
          if let end = source.gapEnd { $0.member("longest_gap_end", end.utcSeconds) }
          if let allowed = source.allowedGap { $0.member("allowed_gap", allowed.text) }
        }
      }
    }
    writer.key("events")
    writer.array { writer in
      for event in report.events {
        writer.object {
          $0.member("entry", event.entry)
          $0.member("time", event.time.utcSeconds)
          $0.member("kind", event.kind)
          $0.member("author", event.author.text)
          $0.member("text", event.text)
        }
      }
    }
    writer.member("omitted_events", report.omittedEvents)
  }

  private func list(
    _ name: String, _ findings: [AuditFinding], into writer: inout JSONWriter
  ) {
    writer.key(name)
    writer.array { writer in
      for finding in findings {
        writer.object {
          $0.member("kind", finding.kind.rawValue)
          if let entry = finding.entry { $0.member("entry", entry) }
          if let object = finding.object { $0.member("object", object) }
          $0.member("message", finding.message)
        }
      }
    }
  }

  private static func text(_ hash: Digest) -> String { Base64.encode(hash.bytes) }
}
