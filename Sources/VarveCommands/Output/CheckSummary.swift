import VarveFormat
import VarveRepository

/// What a check found, for people and as JSON.
struct CheckSummary {
  private let report: CheckReport

  init(_ report: CheckReport) { self.report = report }

  func print(on console: Console) throws {
    if console.isJSON {
      try console.json { json(into: &$0) }
      return
    }
    for snapshot in report.affected { try affected(snapshot, on: console) }
    for reason in report.notChecked { console.note("not checked: \(ByteText.printable(reason))") }
    if report.isOK {
      if !console.isQuiet { try console.line(summary + ": no damage found") }
      return
    }
    if !console.isQuiet { try console.line(summary) }
    console.status.print(
      "varve: error: \(HumanText.count(report.damages.count, "object is", "objects are")) damaged "
        + "or missing; \(HumanText.count(report.affected.count, "snapshot is", "snapshots are")) "
        + "affected")
    console.status.print("varve: hint: " + hint)
  }

  /// What to do next.
  private var hint: String {
    if let hint = hintForInventories { return hint }
    let isKnown = report.notChecked.isEmpty
    var hint =
      (isKnown ? "what is not named above is intact and can be restored; " : "")
      + "put back the objects named from a copy of the repository"
    var packs: [String] = []
    var isForIndex = false
    for damage in report.damages {
      switch ObjectClass(damage.object) {
      case .pack(let pack) where damage.kind == .damaged && report.packsRead > 0:
        packs.append(String(pack.hex.prefix(16)))
      case .pack, .index: isForIndex = true
      default: break
      }
    }
    let needsContent = report.damages.contains {
      if case .snapshot = ObjectClass($0.object) { true } else { false }
    }
    if isForIndex && packs.isEmpty {
      hint += ", or as an owner run 'varve repair index', which saves what is left of them"
    } else if !packs.isEmpty {
      let names = packs.count > 5 ? "" : " " + packs.joined(separator: " ")
      hint += ", or as an owner run 'varve repair packs\(names)', which saves what is left of them"
    } else if needsContent {
      hint +=
        ", or back up the same files again, which stores what is lost; as an owner, 'varve repair "
        + "snapshots --forget' parts with what is still missing then"
    } else {
      hint += ", or go on in a new one"
    }
    return hint
  }

  /// Without an inventory it is not known which objects there should be.
  private var hintForInventories: String? {
    let isForInventory = report.damages.contains {
      if case .inventory = ObjectClass($0.object) { true } else { false }
    }
    guard isForInventory else { return nil }
    return
      "put back the inventories named from a copy of the repository; restores and backups go on without them, "
      + "'varve prune' does not. As an owner run 'varve repair index', which declares anew what they listed and is still there"
  }

  /// Names a snapshot and what of it is lost; this is data, even with `--quiet`.
  private func affected(_ snapshot: CheckReport.AffectedSnapshot, on console: Console) throws {
    var line = "affected snapshot \(snapshot.id.hex.prefix(8))"
    if let time = snapshot.time { line += " of \(time.civil.dateText) \(time.civil.timeText)" }
    if !snapshot.host.isEmpty { line += " on \(ByteText.printable(snapshot.host))" }
    try console.line(line + (snapshot.paths.isEmpty ? "" : ":"))
    for path in snapshot.paths {
      let isRoot = path.elementsEqual("/".utf8)
      try console.write(Array((isRoot ? "  " : "  /").utf8) + console.name(path) + [0x0a])
    }
  }

  private var summary: String {
    var parts = [
      HumanText.count(report.logEntries, "log entry", "log entries"),
      HumanText.count(report.snapshots, "snapshot"),
      HumanText.count(report.objects, "object"),
      HumanText.count(report.treeNodes, "tree node"),
      HumanText.count(report.chunks, "chunk"),
    ]
    if report.packsRead > 0 {
      parts.append(
        "\(HumanText.bytes(report.bytesRead)) read from \(report.packsRead) of "
          + HumanText.count(report.packs, "pack"))
    }
    let seconds = report.duration / 1_000_000_000
    return "checked " + parts.joined(separator: ", ") + " in "
      + HumanText.duration(seconds: seconds)
  }

  private func json(into writer: inout JSONWriter) {
    let packs = report.damages.filter { $0.object.hasPrefix("packs/") }.map(\.object)
    writer.member("message_type", "summary")
    writer.member("num_errors", report.damages.count)
    writer.member("broken_packs", packs.map { String($0.suffix(64)) })
    writer.member("suggest_repair_index", report.damages.contains { $0.object.hasPrefix("index/") })
    writer.member("suggest_prune", !report.unreferenced.isEmpty)
    writer.key("damaged")
    writer.array { writer in
      for damage in report.damages {
        writer.object {
          $0.member("object", damage.object)
          $0.member("kind", damage.kind.rawValue)
          $0.member("message", damage.message)
          $0.member("derived", damage.isDerived)
        }
      }
    }
    writer.key("affected")
    writer.array { writer in
      for snapshot in report.affected { Self.affected(snapshot, into: &writer) }
    }
    writer.member("not_checked", report.notChecked)
    writer.member("unreferenced_objects", report.unreferenced.count)
    counts(into: &writer)
  }

  private static func affected(
    _ snapshot: CheckReport.AffectedSnapshot, into writer: inout JSONWriter
  ) {
    writer.object {
      $0.member("snapshot", snapshot.id.hex)
      $0.member("short_id", String(snapshot.id.hex.prefix(8)))
      if let time = snapshot.time { $0.member("time", time.precise) }
      $0.member("hostname", bytes: snapshot.host)
      $0.members("paths", bytes: snapshot.paths.map { [UInt8(ascii: "/")] + $0 })
    }
  }

  private func counts(into writer: inout JSONWriter) {
    writer.member("log_entries", report.logEntries)
    writer.member("snapshots", report.snapshots)
    writer.member("objects", report.objects)
    writer.member("index_segments", report.indexSegments)
    writer.member("tree_nodes", report.treeNodes)
    writer.member("chunks", report.chunks)
    writer.member("packs", report.packs)
    writer.member("packs_read", report.packsRead)
    writer.member("bytes_read", report.bytesRead)
    writer.member("chunks_verified", report.chunksVerified)
    if let entry = report.entry { writer.member("log_entry", entry) }
    writer.member("started", report.start.precise)
    writer.member("total_duration", Double(report.duration) / 1e9)
  }
}
