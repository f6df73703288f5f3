internal import VarveCrypto
package import VarveFormat
package import VarveProof

/// What a proof has shown, for people and for programs.
package struct ProofReport: Sendable {
  /// Without control characters.
  package let lines: [String]
  /// An object, as docs/json.md has it.
  package let json: JSONValue

  /// - Parameter file: the name of a file, and under which name a receipt has its digest.
  package init(_ entry: ProvedEntry, file: (name: String, member: String)? = nil) {
    let statement = entry.statement
    var lines =
      Self.heading(entry, "a \(statement.body.kind) entry") + [
        ByteText.printable(entry.predicate?.canonicalText ?? "")
      ]
    var members = Self.members(entry)
    members["predicate"] = entry.predicate
    if let file {
      lines.append("\(file.name) is its \(ByteText.printable(file.member))")
      members["member"] = .string(file.member)
    }
    self.lines = lines
    json = .object(members)
  }

  /// - Parameter file: the name of a file, and which of the proof's it is.
  package init(_ proved: ProvedFiles, file: (name: String, number: Int)?) {
    let addition = proved.addition
    var lines = Self.heading(proved.entry, "the snapshot \(addition.snapshot)")
    if let taken = addition.taken { lines.append("taken, as is claimed, at \(taken.zonedSeconds)") }
    for file in proved.files {
      let path = file.path.map { ByteText.printable($0) } ?? "a file"
      lines.append("it has \(path), \(file.size) bytes, SHA-256 \(file.digest)")
      if let metadata = file.metadata { lines.append("  " + Self.text(metadata)) }
    }
    if let file {
      let number = proved.files.count == 1 ? "it" : "file \(file.number + 1)"
      lines.append("\(file.name) is \(number)")
    }
    self.lines = lines
    var members = Self.members(proved.entry)
    members["snapshot"] = .string(addition.snapshot.hex)
    if let taken = addition.taken { members["taken"] = .string(taken.zonedSeconds) }
    members["files"] = .array(proved.files.map(Self.json))
    if let file { members["matches"] = .integer(Int64(file.number)) }
    json = .object(members)
  }

  private static func heading(_ entry: ProvedEntry, _ what: String) -> [String] {
    let statement = entry.statement
    return [
      "\(entry.checkpoint.origin)",
      "entry \(statement.position.index) of the \(entry.checkpoint.head.size) that its checkpoint signs is \(what)",
      "signed, as is claimed, at \(statement.time.utcSeconds) by \(statement.author)",
    ].map { ByteText.printable($0) }
  }

  private static func members(_ entry: ProvedEntry) -> [String: JSONValue] {
    let statement = entry.statement
    return [
      "author": .string(statement.author.text),
      "index": .integer(Int64(clamping: statement.position.index)),
      "kind": .string(statement.body.kind), "message_type": "proved",
      "origin": .string(entry.checkpoint.origin),
      "root": .string(Base64.encode(entry.checkpoint.head.root.bytes)),
      "size": .integer(Int64(clamping: entry.checkpoint.head.size)),
      "time": .string(statement.time.utcSeconds),
    ]
  }

  private static func json(_ file: ProvedFiles.File) -> JSONValue {
    var members: [String: JSONValue] = [
      "sha256": .string(file.digest.hex), "size": .integer(Int64(clamping: file.size)),
    ]
    if let path = file.path { members["path"] = .string(EscapedBytes.text(path)) }
    if let metadata = file.metadata {
      let attributes = metadata.attributes
      members["mode"] = .string(octal(attributes.mode))
      members["uid"] = .integer(Int64(attributes.uid))
      members["gid"] = .integer(Int64(attributes.gid))
      members["mtime"] = .string(time(attributes.modified).precise)
      if let user = metadata.user { members["user"] = .string(EscapedBytes.text(user)) }
      if let group = metadata.group { members["group"] = .string(EscapedBytes.text(group)) }
      if !metadata.extendedAttributes.isEmpty {
        members["xattrs"] = .array(
          metadata.extendedAttributes.map {
            [
              "name": .string(EscapedBytes.text($0.name)),
              "value": .string(Base64.encode($0.value)),
            ]
          })
      }
    }
    return .object(members)
  }

  private static func text(_ metadata: EntryMetadata) -> String {
    let attributes = metadata.attributes
    func account(_ id: UInt32, _ name: [UInt8]?) -> String {
      name.map { ByteText.printable($0) } ?? "\(id)"
    }
    var text =
      "mode \(octal(attributes.mode)), \(account(attributes.uid, metadata.user)):"
      + "\(account(attributes.gid, metadata.group)), modified \(time(attributes.modified).precise)"
    for attribute in metadata.extendedAttributes {
      text += ", \(ByteText.printable(attribute.name))"
    }
    return text
  }

  private static func octal(_ mode: UInt16) -> String {
    let digits = String(mode, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
  }

  private static func time(_ time: FileTime) -> Timestamp {
    Timestamp(seconds: time.seconds, nanoseconds: time.nanoseconds)
  }
}

extension ProvedEntry {
  /// What the entry says, kind by kind (docs/format.md, section 12).
  fileprivate var predicate: JSONValue? {
    try? JSONValue(canonical: envelope.payload, "statement").member("predicate")
  }
}
