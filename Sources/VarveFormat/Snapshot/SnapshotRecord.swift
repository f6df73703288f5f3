/// What was saved, when and of what (docs/format.md, section 10): canonical JSON.
public struct SnapshotRecord: Equatable, Sendable {
  /// The longest record, in bytes before sealing.
  public static let byteLimit = 16 << 20

  /// The root directory.
  public struct Tree: Equatable, Sendable {
    /// The node.
    public var id: Digest
    /// The Merkle tree hash over its entries' commitments.
    public var root: Digest
    public var entries: UInt64

    public init(id: Digest, root: Digest, entries: UInt64) {
      self.id = id
      self.root = root
      self.entries = entries
    }
  }

  /// The time recorded; never used to decide anything.
  public var time: Timestamp
  public var host: [UInt8]
  public var user: [UInt8]
  public var uid: UInt32
  public var gid: UInt32
  /// What was saved, as absolute paths.
  public var paths: [[UInt8]]
  public var tags: [String]
  public var meta: [String: String]
  public var tree: Tree
  /// With it the log entry's commitment to the tree can be opened; nil in records from before there were any.
  public var treeSalt: Digest?
  /// The chunks of the link table, in order; empty when no file has a second hard link.
  public var links: [Digest]
  /// The snapshot that this one was compared with.
  public var parent: Digest?
  /// The snapshot that this one is a changed record of.
  public var original: Digest?
  /// Whether the backup was still under way; a later snapshot of it has the rest.
  public var isPartial: Bool
  /// Chunk-list nodes of files that were being read, in no tree: what is stored of them stays in use. Only of a partial
  /// snapshot.
  public var unfinished: [Digest]
  /// Name and version of the program that made it.
  public var program: String
  public var excludes: [[UInt8]]
  /// Counts, as docs/json.md names them.
  public var summary: [String: JSONValue]

  public init(
    time: Timestamp, host: [UInt8], user: [UInt8], uid: UInt32, gid: UInt32, paths: [[UInt8]],
    tags: [String] = [], meta: [String: String] = [:], tree: Tree, treeSalt: Digest? = nil,
    links: [Digest] = [],
    parent: Digest? = nil, original: Digest? = nil, isPartial: Bool = false,
    unfinished: [Digest] = [], program: String, excludes: [[UInt8]] = [],
    summary: [String: JSONValue] = [:]
  ) {
    self.time = time
    self.host = host
    self.user = user
    self.uid = uid
    self.gid = gid
    self.paths = paths
    self.tags = tags
    self.meta = meta
    self.tree = tree
    self.treeSalt = treeSalt
    self.links = links
    self.parent = parent
    self.original = original
    self.isPartial = isPartial
    self.unfinished = unfinished
    self.program = program
    self.excludes = excludes
    self.summary = summary
  }
}

extension SnapshotRecord {
  private static let members: Set<String> = [
    "excludes", "format", "gid", "host", "links", "meta", "original", "parent", "partial", "paths",
    "program", "summary", "tags", "time", "tree", "treeSalt", "uid", "unfinished", "user",
  ]

  /// The record's bytes before sealing.
  ///
  /// - Throws: `.usage` when they are more than 16 MiB.
  public func encode() throws -> [UInt8] {
    func byteStrings(_ list: [[UInt8]]) -> JSONValue {
      .array(list.map { .string(EscapedBytes.text($0)) })
    }
    var members: [String: JSONValue] = [
      "excludes": byteStrings(excludes),
      "format": 1,
      "gid": .integer(Int64(gid)),
      "host": .string(EscapedBytes.text(host)),
      "links": .array(links.map { .string($0.hex) }),
      "meta": .object(meta.mapValues { .string($0) }),
      "paths": byteStrings(paths),
      "program": .string(program),
      "summary": .object(summary),
      "tags": .array(tags.map { .string($0) }),
      "time": .string(time.precise),
      "tree": .object([
        "entries": .integer(Int64(clamping: tree.entries)),
        "id": .string(tree.id.hex),
        "root": .string(tree.root.hex),
      ]),
      "uid": .integer(Int64(uid)),
      "user": .string(EscapedBytes.text(user)),
    ]
    if let treeSalt { members["treeSalt"] = .string(treeSalt.hex) }
    if let parent { members["parent"] = .string(parent.hex) }
    if let original { members["original"] = .string(original.hex) }
    if isPartial { members["partial"] = true }
    if !unfinished.isEmpty { members["unfinished"] = .array(unfinished.map { .string($0.hex) }) }
    let bytes = JSONValue.object(members).canonicalBytes()
    guard bytes.count <= SnapshotRecord.byteLimit else {
      throw VarveError(
        .usage, "a snapshot record of \(bytes.count) bytes is too long",
        hint: "name fewer paths, tags or exclude patterns")
    }
    return bytes
  }

  /// Reads an opened record.
  ///
  /// - Throws: `.damaged`, or `.unsupportedFormat` for one by a newer program.
  public init(decoding bytes: [UInt8]) throws {
    guard bytes.count <= SnapshotRecord.byteLimit else {
      throw VarveError(.damaged, "snapshot record is damaged: it is too long")
    }
    let json = try JSONValue(canonical: bytes, "snapshot record")
    let format = try json.integer("format")
    guard format == 1 else {
      throw VarveError.newerFormat("the snapshot record has format \(format)")
    }
    try json.requireMembers(within: SnapshotRecord.members, "snapshot record")
    let tree = try json.member("tree")
    try tree.requireMembers(within: ["entries", "id", "root"], "snapshot record")
    let meta = try json.object("meta")
    let metaValue = JSONValue.object(meta)
    var strings: [String: String] = [:]
    for key in meta.keys { strings[key] = try metaValue.string(key) }
    self.init(
      time: try SnapshotRecord.time(json),
      host: try json.escapedBytes("host"), user: try json.escapedBytes("user"),
      uid: try SnapshotRecord.id("uid", json), gid: try SnapshotRecord.id("gid", json),
      paths: try json.escapedByteStrings("paths"), tags: try json.strings("tags"), meta: strings,
      tree: Tree(
        id: try tree.digest("id"), root: try tree.digest("root"),
        entries: try tree.count("entries")),
      treeSalt: try json.optionalDigest("treeSalt"), links: try json.digests("links"),
      parent: try json.optionalDigest("parent"),
      original: try json.optionalDigest("original"), isPartial: try SnapshotRecord.partial(json),
      unfinished: try SnapshotRecord.unfinished(json), program: try json.string("program"),
      excludes: try json.escapedByteStrings("excludes"),
      summary: try json.object("summary"))
  }

  private static func time(_ json: JSONValue) throws -> Timestamp {
    let text = try json.string("time")
    guard let time = Timestamp(text), time.precise == text else {
      throw VarveError(.damaged, "snapshot record is damaged: \"time\" is no time")
    }
    return time
  }

  private static func id(_ key: String, _ json: JSONValue) throws -> UInt32 {
    guard let id = UInt32(exactly: try json.integer(key)) else {
      throw VarveError(.damaged, "snapshot record is damaged: \"\(key)\" is out of range")
    }
    return id
  }

  private static func unfinished(_ json: JSONValue) throws -> [Digest] {
    guard try json.optional("unfinished") != nil else { return [] }
    let lists = try json.digests("unfinished")
    guard try !lists.isEmpty && partial(json) else {
      throw VarveError(
        .damaged, "snapshot record is damaged: \"unfinished\" is empty, or nothing was")
    }
    return lists
  }

  private static func partial(_ json: JSONValue) throws -> Bool {
    guard try json.optional("partial") != nil else { return false }
    guard try json.bool("partial") else {
      throw VarveError(.damaged, "snapshot record is damaged: \"partial\" is false")
    }
    return true
  }
}
