import Varve
import VarveFormat

/// Prints paths that `find` has found, under a heading for each snapshot; as JSON one array of
/// snapshots, handed over as they are finished.
final class FoundPaths {
  private let console: Console
  private let line: EntryLine
  private var writer = JSONWriter()
  private var current: ChosenSnapshot?
  private var hits = 0

  init(_ console: Console, isLong: Bool, isHumanReadable: Bool) {
    self.console = console
    line = EntryLine(isLong: isLong, isHumanReadable: isHumanReadable)
    if console.isJSON { writer.beginArray() }
  }

  func add(_ found: FoundPath, in snapshot: ChosenSnapshot) throws {
    if current?.id != snapshot.id { try begin(snapshot) }
    hits += 1
    guard console.isJSON else {
      return try console.write(line.bytes(found.entry, path: found.path, on: console))
    }
    writer.object { NodeJSON.members(found.entry, path: found.path, into: &$0) }
    if writer.bytes.count > 64 << 10 { try console.write(writer.take()) }
  }

  func finish() throws {
    endSnapshot()
    guard console.isJSON else { return }
    writer.endArray()
    writer.endLine()
    try console.write(writer.take())
  }

  private func begin(_ snapshot: ChosenSnapshot) throws {
    let isFirst = current == nil
    endSnapshot()
    current = snapshot
    if console.isJSON {
      writer.beginObject()
      writer.key("matches")
      writer.beginArray()
    } else {
      try console.line((isFirst ? "" : "\n") + "Found in snapshot \(snapshot.title)")
    }
  }

  private func endSnapshot() {
    guard console.isJSON, let current else { return }
    writer.endArray()
    writer.member("hits", hits)
    writer.member("snapshot", current.id.hex)
    writer.endObject()
    hits = 0
  }
}

/// Prints files and directories that use the chunks and tree nodes that were looked for.
final class FoundObjects {
  private let console: Console
  private var writer = JSONWriter()

  init(_ console: Console) {
    self.console = console
    if console.isJSON { writer.beginArray() }
  }

  func add(_ found: FoundObject, in snapshot: ChosenSnapshot) throws {
    guard console.isJSON else {
      return try console.write(
        Array("\(found.kind.rawValue) \(found.id.hex) \(snapshot.id.hex.prefix(8)) ".utf8)
          + console.name(found.path) + [UInt8(ascii: "\n")])
    }
    writer.object {
      $0.member("object_type", found.kind.rawValue)
      $0.member("id", found.id.hex)
      $0.member("path", bytes: found.path)
      if let parent = found.parent { $0.member("parent_tree", parent.hex) }
      $0.member("snapshot", snapshot.id.hex)
      $0.member("time", snapshot.record.time.precise)
    }
    if writer.bytes.count > 64 << 10 { try console.write(writer.take()) }
  }

  func finish() throws {
    guard console.isJSON else { return }
    writer.endArray()
    writer.endLine()
    try console.write(writer.take())
  }
}
