import Varve
import VarveFormat
import VarveRepository

/// A list of snapshots as a table or as JSON.
struct SnapshotList {
  let isCompact: Bool
  /// Listed behind the others, with what the log says of them.
  var unreadable: [UnreadableSnapshot] = []
  /// Shown in the place of the times claimed.
  var windows: SnapshotWindows?

  func print(_ snapshots: [ChosenSnapshot], on console: Console) throws {
    if console.isJSON {
      var writer = JSONWriter()
      writer.array { writer in
        objects(snapshots, into: &writer)
        for snapshot in unreadable { writer.object { $0.members(snapshot) } }
      }
      writer.endLine()
      return try console.write(writer.bytes)
    }
    try table(snapshots, on: console)
    try unreadableTable(on: console)
  }

  /// What a command ends with that has listed some that cannot be read.
  var unreadableError: VarveError {
    VarveError(
      .damaged, "\(HumanText.count(unreadable.count, "snapshot")) cannot be read",
      hint:
        "run 'varve check' to see what is damaged; 'varve forget' with an id parts with a snapshot that is lost"
    )
  }

  func print(_ groups: SnapshotGroups, on console: Console) throws {
    if console.isJSON {
      var writer = JSONWriter()
      writer.array { writer in
        for group in groups.groups {
          writer.object { writer in
            writer.key("group_key")
            writer.object {
              if let host = group.key.host { $0.member("hostname", bytes: host) }
              if let paths = group.key.paths { $0.members("paths", bytes: paths) }
              if let tags = group.key.tags { $0.member("tags", tags) }
            }
            writer.key("snapshots")
            writer.array { objects(group.snapshots, into: &$0) }
          }
        }
        guard !unreadable.isEmpty else { return }
        writer.object { writer in
          writer.key("group_key")
          writer.object { _ in }
          writer.key("snapshots")
          writer.array { writer in
            for snapshot in unreadable { writer.object { $0.members(snapshot) } }
          }
        }
      }
      writer.endLine()
      return try console.write(writer.bytes)
    }
    for group in groups.groups {
      var parts: [String] = []
      if let host = group.key.host { parts.append("host \(ByteText.printable(host))") }
      if let paths = group.key.paths {
        parts.append("paths \(paths.map(ByteText.printable).joined(separator: ", "))")
      }
      if let tags = group.key.tags {
        parts.append("tags \(tags.map(ByteText.printable).joined(separator: ", "))")
      }
      try console.line("snapshots of \(parts.joined(separator: "; "))")
      try table(group.snapshots, on: console)
      try console.line("")
    }
    try unreadableTable(on: console)
  }

  private func objects(_ snapshots: [ChosenSnapshot], into writer: inout JSONWriter) {
    for snapshot in snapshots {
      writer.object {
        SnapshotJSON.members(snapshot.record, id: snapshot.id, into: &$0)
        windows?[snapshot.id]?.members(into: &$0)
      }
    }
  }

  private func unreadableTable(on console: Console) throws {
    guard !unreadable.isEmpty else { return }
    var table = TextTable([("ID", .left), ("Time", .left), ("Cannot be read", .left)])
    for snapshot in unreadable {
      table.add([
        String(snapshot.id.hex.prefix(8)),
        EntryText.shortTime(WallClock.local(seconds: snapshot.time.seconds))
          + (snapshot.isPartial ? " (partial)" : ""),
        ByteText.printable(snapshot.error.description),
      ])
    }
    for line in table.lines(footer: HumanText.count(unreadable.count, "snapshot")) {
      try console.line(line)
    }
  }

  private func table(_ snapshots: [ChosenSnapshot], on console: Console) throws {
    var columns: [(heading: String, alignment: TextTable.Alignment)] = [("ID", .left)]
    columns +=
      windows == nil ? [("Time", .left)] : [("Not before", .left), ("Not after", .left)]
    columns += [("Host", .left), ("Tags", .left)]
    if !isCompact { columns += [("Paths", .left), ("Size", .right)] }
    var table = TextTable(columns)
    for snapshot in snapshots {
      let record = snapshot.record
      let mark = record.isPartial ? " (partial)" : ""
      var cells = [[String(snapshot.id.hex.prefix(8)) + (windows == nil ? "" : mark)]]
      if let windows {
        cells += windows[snapshot.id]?.cells ?? [["-"], ["-"]]
      } else {
        cells.append([EntryText.shortTime(WallClock.local(seconds: record.time.seconds)) + mark])
      }
      cells.append([ByteText.printable(record.host)])
      if isCompact {
        cells.append([record.tags.map(ByteText.printable).joined(separator: ",")])
      } else {
        cells.append(record.tags.map(ByteText.printable))
        cells.append(record.paths.map(ByteText.printable))
        cells.append([Self.size(record)] + Self.chunkSize(record))
      }
      table.add(cells)
    }
    for line in table.lines(footer: HumanText.count(snapshots.count, "snapshot")) {
      try console.line(line)
    }
  }

  /// Said only of a backup that did not use the repository's own sizes.
  private static func chunkSize(_ record: SnapshotRecord) -> [String] {
    guard case .integer(let bytes)? = record.summary["chunk_size"], bytes > 0 else { return [] }
    return ["in \(bytes >> 10)K chunks"]
  }

  private static func size(_ record: SnapshotRecord) -> String {
    guard case .integer(let bytes)? = record.summary["total_bytes_processed"], bytes >= 0 else {
      return ""
    }
    return HumanText.bytes(UInt64(bytes))
  }
}

extension JSONWriter {
  /// What the log says of a snapshot whose record cannot be read.
  fileprivate mutating func members(_ snapshot: UnreadableSnapshot) {
    member("time", snapshot.time.utcSeconds)
    if snapshot.isPartial { member("partial", true) }
    member("readable", false)
    member("error", snapshot.error.description)
    member("id", snapshot.id.hex)
    member("short_id", String(snapshot.id.hex.prefix(8)))
  }
}

/// What a writer, who cannot open the records, knows of the snapshots: what the log says.
struct SealedSnapshotList {
  private let snapshots: [LogState.Snapshot]

  init(_ snapshots: [LogState.Snapshot]) { self.snapshots = snapshots }

  func print(on console: Console) throws {
    if console.isJSON {
      var writer = JSONWriter()
      writer.array { writer in
        for snapshot in snapshots {
          writer.object {
            $0.member("time", snapshot.time.utcSeconds)
            if let parent = snapshot.parent { $0.member("parent", parent.hex) }
            if let original = snapshot.original { $0.member("original", original.hex) }
            if snapshot.isPartial { $0.member("partial", true) }
            $0.member("readable", false)
            $0.member("id", snapshot.id.hex)
            $0.member("short_id", String(snapshot.id.hex.prefix(8)))
          }
        }
      }
      writer.endLine()
      return try console.write(writer.bytes)
    }
    var table = TextTable([("ID", .left), ("Logged", .left), ("Author", .left)])
    for snapshot in snapshots {
      table.add([
        String(snapshot.id.hex.prefix(8)),
        EntryText.shortTime(WallClock.local(seconds: snapshot.time.seconds))
          + (snapshot.isPartial ? " (partial)" : ""),
        String(snapshot.author.text.prefix(8)),
      ])
    }
    for line in table.lines(footer: HumanText.count(snapshots.count, "snapshot")) {
      try console.line(line)
    }
    console.note("a writer's credential cannot open the records: hosts, paths and tags are sealed")
  }
}
