import VarveFormat

/// A snapshot as restic shows it, with what Varve adds (docs/json.md, "snapshots").
enum SnapshotJSON {
  static func members(_ record: SnapshotRecord, id: Digest, into writer: inout JSONWriter) {
    writer.member("time", record.time.precise)
    if let parent = record.parent { writer.member("parent", parent.hex) }
    if let original = record.original { writer.member("original", original.hex) }
    writer.member("tree", record.tree.id.hex)
    writer.member("root", record.tree.root.hex)
    writer.members("paths", bytes: record.paths)
    writer.member("hostname", bytes: record.host)
    writer.member("username", bytes: record.user)
    writer.member("uid", record.uid)
    writer.member("gid", record.gid)
    if !record.excludes.isEmpty { writer.members("excludes", bytes: record.excludes) }
    writer.member("tags", record.tags)
    writer.key("meta")
    writer.object { writer in
      for key in record.meta.keys.sorted() { writer.member(key, record.meta[key] ?? "") }
    }
    if record.isPartial { writer.member("partial", true) }
    writer.member("program_version", record.program)
    if !record.summary.isEmpty {
      writer.key("summary")
      writer.raw(JSONValue.object(record.summary).canonicalText)
    }
    writer.member("id", id.hex)
    writer.member("short_id", String(id.hex.prefix(8)))
  }
}
