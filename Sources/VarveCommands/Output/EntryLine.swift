import VarveFormat

/// An entry as a line of text: its path, or all that `ls -l` shows.
struct EntryLine {
  let isLong: Bool
  let isHumanReadable: Bool

  func bytes(_ entry: TreeEntry, path: [UInt8], on console: Console) -> [UInt8] {
    guard isLong else { return console.name(path) + [UInt8(ascii: "\n")] }
    let attributes = entry.attributes
    let size = if case .file(let content) = entry.content { content.size } else { UInt64(0) }
    let columns = [
      EntryText.permissions(entry.type, attributes.mode), String(attributes.uid).leading(5),
      String(attributes.gid).leading(5),
      isHumanReadable ? HumanText.bytes(size).leading(11) : String(size).leading(12),
      EntryText.shortTime(attributes.modified), "",
    ]
    var line = Array(columns.joined(separator: " ").utf8) + console.name(path)
    if case .link(let target) = entry.content {
      line += Array(" -> ".utf8) + console.name(target)
    }
    return line + [UInt8(ascii: "\n")]
  }
}
