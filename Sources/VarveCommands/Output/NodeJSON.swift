import VarveFormat

/// An entry of a snapshot's tree by restic's names (docs/json.md, "node").
enum NodeJSON {
  static func members(_ entry: TreeEntry, path: [UInt8]?, into writer: inout JSONWriter) {
    let attributes = entry.attributes
    writer.member("name", bytes: entry.name)
    writer.member("type", EntryText.type(entry.type))
    if let path { writer.member("path", bytes: path) }
    writer.member("uid", attributes.uid)
    writer.member("gid", attributes.gid)
    if let user = entry.user { writer.member("user", bytes: user) }
    if let group = entry.group { writer.member("group", bytes: group) }
    writer.member("mode", EntryText.goMode(entry.type, attributes.mode))
    writer.member("permissions", EntryText.goPermissions(entry.type, attributes.mode))
    writer.member("mtime", EntryText.time(attributes.modified))
    if let accessed = attributes.accessed { writer.member("atime", EntryText.time(accessed)) }
    if attributes.inodeFlags != 0 { writer.member("inode_flags", attributes.inodeFlags) }
    if attributes.isHardLinked { writer.member("hard_linked", true) }
    if !entry.extendedAttributes.isEmpty {
      writer.members("xattrs", bytes: entry.extendedAttributes.map(\.name))
    }
    switch entry.content {
    case .file(let content):
      writer.member("size", content.size)
      if content.size > 0 { writer.member("sha256", content.digest.hex) }
    case .directory(let content):
      writer.member("tree", content.id.hex)
      writer.member("entries", content.entryCount)
    case .link(let target): writer.member("link_target", bytes: target)
    case .device(let major, let minor):
      writer.member("device_major", major)
      writer.member("device_minor", minor)
    case .none: break
    }
  }
}
