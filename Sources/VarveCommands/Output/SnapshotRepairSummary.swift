import Varve
import VarveFormat
import VarveRepository

/// What repairing snapshots has done or would do, for people and as JSON.
struct SnapshotRepairSummary {
  private let repaired: [SnapshotRepair.Repaired]
  private let total: Int
  private let options: SnapshotRepair.Options

  init(_ repaired: [SnapshotRepair.Repaired], of total: Int, _ options: SnapshotRepair.Options) {
    self.repaired = repaired
    self.total = total
    self.options = options
  }

  func print(on console: Console) throws {
    if console.isJSON {
      for snapshot in repaired { try console.json { json(snapshot, into: &$0) } }
      return try console.json {
        $0.member("message_type", "summary")
        $0.member("dry_run", options.isDryRun)
        $0.member("total_snapshots", total)
        $0.member("repaired_snapshots", repaired.count(where: \.isRepaired))
        $0.member("beyond_repair", repaired.count(where: \.isBeyondRepair))
        $0.member("forgotten_snapshots", repaired.count(where: \.isForgotten))
      }
    }
    for snapshot in repaired { try line(snapshot, on: console) }
    guard !console.isQuiet else { return }
    let looked = HumanText.count(total, "snapshot")
    guard !repaired.isEmpty else {
      return try console.line("looked at \(looked): each is whole, nothing to do")
    }
    let would = options.isDryRun ? "would repair" : "repaired"
    try console.line(
      "looked at \(looked): \(would) \(repaired.count(where: \.isRepaired)), "
        + "\(repaired.count(where: \.isBeyondRepair)) cannot be repaired")
    if !options.forgets && !options.isDryRun {
      console.note(
        "the old snapshots are still there; 'varve repair snapshots --forget' forgets them")
    }
  }

  /// Which files of which snapshot are touched is data, even with `--quiet`.
  private func line(_ snapshot: SnapshotRepair.Repaired, on console: Console) throws {
    var line = "snapshot \(snapshot.old.hex.prefix(8))"
    if let record = snapshot.record {
      let time = record.time.civil
      line += " of \(time.dateText) \(time.timeText) on \(ByteText.printable(record.host))"
    }
    switch snapshot.outcome {
    case .repaired(nil): line += " would be repaired"
    case .repaired(let new?): line += " is repaired as \(new.hex.prefix(8))"
    case .isThere(let new): line += " was repaired before as \(new.hex.prefix(8))"
    case .beyondRepair(let reason): line += " cannot be repaired: \(ByteText.printable(reason))"
    }
    if snapshot.isForgotten {
      line += options.isDryRun ? "; it would be forgotten" : "; it is forgotten"
    }
    if let hold = snapshot.hold { line += "; log entry \(hold) holds it, so it stays" }
    try console.line(line + (snapshot.unreadable.isEmpty ? "" : ":"))
    for entry in snapshot.unreadable { try self.entry(entry, on: console) }
    if snapshot.hasLostLinks {
      try console.line("  it is not known any more which files are hard links to each other")
    }
    if snapshot.unfinished > 0 {
      try console.line(
        "  \(HumanText.count(snapshot.unfinished, "file")) that was being read has to be read again"
      )
    }
  }

  private func entry(_ entry: UnreadableEntry, on console: Console) throws {
    var bytes = Array("  /".utf8) + console.name(entry.path)
    switch entry.kind {
    case .file: break
    case .directory: bytes.append(UInt8(ascii: "/"))
    case .entries(let count):
      if !entry.path.isEmpty { bytes.append(UInt8(ascii: "/")) }
      bytes += Array(" without \(count) of its entries, whose names are not known".utf8)
    }
    if let mark = entry.mark {
      bytes += Array(" (now ".utf8) + console.name(mark) + Array(")".utf8)
    }
    try console.write(bytes + [0x0a])
  }

  private func json(_ snapshot: SnapshotRepair.Repaired, into writer: inout JSONWriter) {
    writer.member("message_type", "repaired")
    writer.member("old_snapshot_id", snapshot.old.hex)
    switch snapshot.outcome {
    case .repaired(let new): if let new { writer.member("new_snapshot_id", new.hex) }
    case .isThere(let new): writer.member("new_snapshot_id", new.hex)
    case .beyondRepair(let reason): writer.member("reason", reason)
    }
    writer.member("repairable", !snapshot.isBeyondRepair)
    if let record = snapshot.record {
      writer.member("time", record.time.precise)
      writer.member("hostname", bytes: record.host)
    }
    writer.member("forgotten", snapshot.isForgotten)
    if let hold = snapshot.hold { writer.member("held_by", hold) }
    writer.member("lost_links", snapshot.hasLostLinks)
    writer.key("unreadable")
    writer.array { writer in
      for entry in snapshot.unreadable {
        writer.object {
          $0.member("path", bytes: [UInt8(ascii: "/")] + entry.path)
          switch entry.kind {
          case .file: $0.member("type", "file")
          case .directory: $0.member("type", "dir")
          case .entries(let count):
            $0.member("type", "entries")
            $0.member("count", count)
          }
          if let mark = entry.mark { $0.member("mark", bytes: mark) }
        }
      }
    }
  }
}

extension SnapshotRepair.Repaired {
  fileprivate var isBeyondRepair: Bool {
    if case .beyondRepair = outcome { true } else { false }
  }

  fileprivate var isRepaired: Bool { !isBeyondRepair }
}
