import Varve
import VarveFormat
import VarveRepository

/// What `forget` did or would do: restic's lists, or its JSON.
struct ForgetReport {
  private let plan: ForgetPlan
  private let request: ForgetRequest
  private let repository: UnlockedRepository
  private let isCompact: Bool
  private let isDryRun: Bool

  init(
    _ plan: ForgetPlan, _ request: ForgetRequest, _ repository: UnlockedRepository,
    isCompact: Bool, isDryRun: Bool
  ) {
    self.plan = plan
    self.request = request
    self.repository = repository
    self.isCompact = isCompact
    self.isDryRun = isDryRun
  }

  func print(on console: Console) throws {
    if console.isJSON { return try printJSON(on: console) }
    if !plan.absent.isEmpty {
      let ids = plan.absent.map { String($0.hex.prefix(8)) }.joined(separator: ", ")
      console.warning("forgotten by somebody else meanwhile: \(ids)")
    }
    if !plan.unreadable.isEmpty {
      let ids = plan.unreadable.map { String($0.id.hex.prefix(8)) }.joined(separator: ", ")
      console.warning(
        "kept, because what cannot be read is forgotten only by its id: \(ids)")
    }
    guard !console.isQuiet else { return }
    if case .rules(let rules, _) = request.choice {
      try console.line("Applying Policy: \(ByteText.printable(rules.description))")
    }
    for group in plan.groups {
      if !group.key.isEmpty { try console.line("snapshots of \(group.key.printable)") }
      if case .policies = request.choice {
        let rules = group.rules.map { ByteText.printable($0.description) } ?? "none; all is kept"
        try console.line("policy in force: \(rules)")
      }
      try list(group.kept, "keep", on: console)
      try list(group.removed, isDryRun ? "would remove" : "remove", on: console)
    }
    let count = plan.removed.count
    let verb = isDryRun ? "would forget" : "forgot"
    try console.line("\(verb) \(HumanText.count(count, "snapshot"))")
  }

  private func list(
    _ snapshots: [ForgetPlan.Snapshot], _ verb: String, on console: Console
  ) throws {
    guard !snapshots.isEmpty else { return }
    let reasons = snapshots.map { $0.reasons.isEmpty ? $0.policyReasons : $0.reasons }
    let showsReasons = !isCompact && reasons.contains { !$0.isEmpty }
    let isKept = !snapshots[0].reasons.isEmpty
    try console.line("\(verb) \(HumanText.count(snapshots.count, "snapshot")):")
    var columns: [(heading: String, alignment: TextTable.Alignment)] = [
      ("ID", .left), ("Time", .left), ("Host", .left), ("Tags", .left),
    ]
    if showsReasons { columns.append((isKept ? "Reasons" : "Kept by the policy", .left)) }
    if !isCompact { columns.append(("Paths", .left)) }
    var table = TextTable(columns)
    for (snapshot, reasons) in zip(snapshots, reasons).reversed() {
      let heading = snapshot.heading
      let time = EntryText.shortTime(WallClock.local(seconds: heading.time.seconds))
      let tags = heading.tags.map(ByteText.printable)
      var cells = [
        [String(snapshot.id.hex.prefix(8))], [time + (heading.isPartial ? " (partial)" : "")],
        [ByteText.printable(heading.host)], isCompact ? [tags.joined(separator: ",")] : tags,
      ]
      if showsReasons { cells.append(reasons.map { ByteText.printable($0.text) }) }
      if !isCompact { cells.append(heading.paths.map(ByteText.printable)) }
      table.add(cells)
    }
    for line in table.lines(footer: HumanText.count(snapshots.count, "snapshot")) {
      try console.line(line)
    }
    try console.line("")
  }

  private func printJSON(on console: Console) throws {
    var writer = JSONWriter()
    try writer.array { writer in
      for group in plan.groups {
        try writer.object { writer in
          group.key.resticMembers(into: &writer)
          if case .policies = request.choice {
            if let rules = group.rules { writer.member("policy", rules.description) }
          }
          try snapshots("keep", group.kept, into: &writer)
          try snapshots("remove", group.removed, into: &writer)
          try reasons(group.kept, into: &writer)
          let overriding = group.removed.filter { !$0.policyReasons.isEmpty }
          if !overriding.isEmpty {
            writer.member("kept_by_policy", overriding.map(\.id.hex))
          }
        }
      }
      if let first = plan.unreadable.first {
        try writer.object { writer in
          // Of what they have in common nothing is known.
          SnapshotGrouping(host: false, paths: false, tags: false).key(first.heading)
            .resticMembers(into: &writer)
          try snapshots("keep", plan.unreadable, into: &writer)
          try snapshots("remove", [], into: &writer)
          try reasons(plan.unreadable, into: &writer)
        }
      }
    }
    writer.endLine()
    try console.write(writer.bytes)
  }

  /// As in restic, null for none.
  private func snapshots(
    _ name: String, _ snapshots: [ForgetPlan.Snapshot], into writer: inout JSONWriter
  ) throws {
    writer.key(name)
    guard !snapshots.isEmpty else { return writer.null() }
    try writer.array { writer in
      for snapshot in snapshots { try object(snapshot, into: &writer) }
    }
  }

  private func reasons(_ kept: [ForgetPlan.Snapshot], into writer: inout JSONWriter) throws {
    writer.key("reasons")
    guard !kept.isEmpty else { return writer.null() }
    try writer.array { writer in
      for snapshot in kept {
        try writer.object { writer in
          writer.key("snapshot")
          try object(snapshot, into: &writer)
          writer.member("matches", snapshot.reasons.map(\.text))
        }
      }
    }
  }

  private func object(
    _ snapshot: ForgetPlan.Snapshot, into writer: inout JSONWriter
  ) throws {
    let record = snapshot.isReadable ? try readable(snapshot.id) : nil
    writer.object {
      if let record { return SnapshotJSON.members(record, id: snapshot.id, into: &$0) }
      $0.member("time", snapshot.heading.time.utcSeconds)
      if snapshot.heading.isPartial { $0.member("partial", true) }
      $0.member("readable", false)
      $0.member("id", snapshot.id.hex)
      $0.member("short_id", String(snapshot.id.hex.prefix(8)))
    }
  }

  /// A heading may have been known from before its record was lost.
  private func readable(_ id: Digest) throws -> SnapshotRecord? {
    do {
      return try repository.snapshotRecord(id)
    } catch let error as VarveError where error.isOfObject {
      return nil
    }
  }
}

extension SnapshotGrouping.Key {
  var isEmpty: Bool { host == nil && paths == nil && tags == nil }

  var printable: String {
    var parts: [String] = []
    if let host { parts.append("host \(ByteText.printable(host))") }
    if let paths {
      parts.append("paths \(paths.map(ByteText.printable).joined(separator: ", "))")
    }
    if let tags { parts.append("tags \(tags.map(ByteText.printable).joined(separator: ", "))") }
    return parts.isEmpty ? "the repository" : parts.joined(separator: "; ")
  }

  /// restic's members: what the group does not go by is empty or null.
  func resticMembers(into writer: inout JSONWriter) {
    writer.key("tags")
    if let tags, !tags.isEmpty {
      writer.array { for tag in tags { $0.string(tag) } }
    } else {
      writer.null()
    }
    writer.member("host", bytes: host ?? [])
    if let paths {
      writer.members("paths", bytes: paths)
    } else {
      writer.key("paths")
      writer.null()
    }
  }
}
