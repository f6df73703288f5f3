// The text of a file proof (docs/format.md, section 15): canonical JSON, so that it has one spelling.

import VarveFormat

extension FileProof {
  static let format = "varve file proof v1"

  /// The canonical bytes. O(n).
  public var bytes: [UInt8] {
    let json: JSONValue = [
      "authorKey": .string(Base64.encode(authorKey)), "entry": entry.json,
      "files": .array(files.map(\.json)), "format": .string(Self.format),
      "log": .string(String(decoding: log.bytes, as: UTF8.self)),
      "tree": [
        "entries": .count(tree.entryCount), "root": .digest(tree.root), "salt": .digest(tree.salt),
      ],
    ]
    return json.canonicalBytes()
  }

  /// Parses a proof; any spelling but the canonical one is damage.
  ///
  /// - Parameter what: names it in errors.
  /// - Throws: `VarveError.Code.damaged`, or `unsupportedFormat` for one by a newer program. O(n).
  public init(_ bytes: [UInt8], _ what: String) throws {
    guard bytes.count <= Self.largestByteCount else {
      throw VarveError(.damaged, "\(what) is damaged: it is longer than a proof may be")
    }
    let json = try JSONValue(canonical: bytes, what)
    do {
      let format = try json.string("format")
      guard format == Self.format else {
        guard format.hasPrefix("varve file proof v") else {
          throw VarveError(.damaged, "it is no file proof")
        }
        throw VarveError(
          .unsupportedFormat, "\(what) is a \(format)", hint: "use a newer version of varve")
      }
      try json.requireOnly(["authorKey", "entry", "files", "format", "log", "tree"])
      entry = try DSSEEnvelope(json.member("entry"), "its entry")
      authorKey = try json.base64("authorKey", byteCount: 32)
      log = try LogProof(Array(try json.string("log").utf8), "its log proof")
      let tree = try json.member("tree")
      try tree.requireOnly(["entries", "root", "salt"])
      self.tree = Tree(
        salt: try tree.digest("salt"), entryCount: try tree.count("entries"),
        root: try tree.digest("root"))
      files = try json.array("files").map { try File($0) }
      guard (1...Self.fileLimit).contains(files.count) else {
        throw VarveError(.damaged, "it has \(files.count) files")
      }
    } catch let error as VarveError where error.code == .damaged {
      throw VarveError(.damaged, "\(what) is damaged", cause: error)
    }
  }
}

extension FileProof.File {
  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = [
      "levels": .array(
        directories.map(\.json) + [
          .object(
            place.members.merging([
              "digest": .digest(digest), "salt": .digest(salt), "size": .count(size),
            ]) { own, _ in own })
        ])
    ]
    if let content { members["content"] = content.json }
    return .object(members)
  }

  fileprivate init(_ json: JSONValue) throws {
    try json.requireOnly(["content", "levels"])
    let levels = try json.array("levels")
    guard let level = levels.last, levels.count <= TreeLimits.depth else {
      throw VarveError(.damaged, "a file has \(levels.count) levels")
    }
    try level.requireOnly(FileProof.Place.members.union(["digest", "salt", "size"]))
    directories = try levels.dropLast().map { try FileProof.Directory($0) }
    place = try FileProof.Place(level)
    salt = try level.digest("salt")
    size = try level.count("size")
    digest = try level.digest("digest")
    content = try json.optional("content").map { try ReleasedContent($0) }
    try requireSoundFields()
  }

  private func requireSoundFields() throws {
    let names = directories.map(\.place.name) + [place.name]
    var opened = 0
    for name in names {
      guard case .opened(_, let value) = name else { continue }
      opened += 1
      guard EntryName.isValid(value) else { throw VarveError(.damaged, "a name is not allowed") }
    }
    guard opened == 0 || opened == names.count else {
      throw VarveError(.damaged, "a file's path is opened in part")
    }
    guard
      directories.allSatisfy({
        if case .hidden = $0.place.metadata { true } else { false }
      })
    else { throw VarveError(.damaged, "the metadata of a directory is opened") }
    // So the field has a zero byte, which no link's target has: a link is not shown as a file.
    guard size < 1 << 56 else { throw VarveError(.damaged, "a file's size is too large") }
    guard (size == 0) == (digest == .zero) else {
      throw VarveError(.damaged, "a file's digest is missing or needless")
    }
    if let content { try content.requireSound(size: size) }
  }
}

extension FileProof.Directory {
  fileprivate var json: JSONValue {
    .object(
      place.members.merging([
        "entries": .count(entryCount), "root": .digest(root),
      ]) { own, _ in own })
  }

  fileprivate init(_ json: JSONValue) throws {
    try json.requireOnly(FileProof.Place.members.union(["entries", "root"]))
    place = try FileProof.Place(json)
    entryCount = try json.count("entries")
    root = try json.digest("root")
  }
}

extension FileProof.Place {
  fileprivate static let members: Set<String> = ["index", "metadata", "name", "path"]

  fileprivate var members: [String: JSONValue] {
    [
      "index": .count(index), "metadata": metadata.json(Base64.encode),
      "name": name.json(EscapedBytes.text), "path": .array(path.map { .digest($0) }),
    ]
  }

  fileprivate init(_ json: JSONValue) throws {
    index = try json.count("index")
    name = try FileProof.Field(json, "name") { EscapedBytes.bytes($0) }
    metadata = try FileProof.Field(json, "metadata") { Base64.decode($0) }
    path = try json.digests("path")
    guard path.count <= LogProof.longestPath else {
      throw VarveError(.damaged, "an audit path is too long")
    }
  }
}

extension FileProof.Field {
  fileprivate func json(_ text: ([UInt8]) -> String) -> JSONValue {
    switch self {
    case .hidden(let commitment): .digest(commitment)
    case .opened(let salt, let value): ["salt": .digest(salt), "value": .string(text(value))]
    }
  }

  fileprivate init(_ json: JSONValue, _ key: String, _ bytes: (String) -> [UInt8]?) throws {
    guard case .object = try json.member(key) else {
      self = .hidden(try json.digest(key))
      return
    }
    let field = try json.member(key)
    try field.requireOnly(["salt", "value"])
    guard let value = bytes(try field.string("value")) else {
      throw VarveError(.damaged, "the JSON member \"\(key)\" has no such value")
    }
    self = .opened(salt: try field.digest("salt"), value: value)
  }
}

extension JSONValue {
  static func digest(_ digest: Digest) -> JSONValue { .string(digest.hex) }

  static func count(_ count: UInt64) -> JSONValue { .integer(Int64(clamping: count)) }

  /// Refuses members that a proof does not have.
  package func requireOnly(_ known: Set<String>) throws {
    guard case .object(let members) = self, members.keys.allSatisfy(known.contains) else {
      throw VarveError(.damaged, "a JSON object has other members than \(known.sorted())")
    }
  }
}
