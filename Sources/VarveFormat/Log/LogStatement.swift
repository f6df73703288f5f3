/// The statement of a log entry: an in-toto Statement v1 in canonical JSON
/// (docs/format.md, section 12).
///
/// ```
/// {"_type":…,"predicate":{"author":…,"log":{"index":…,"root":…,"size":…},"previous":…,"program":…,
///   "repository":…,"time":…, members by kind},"predicateType":"urn:varve:<kind>:v1","subject":[…]}
/// ```
/// The subject follows from the body, so that a statement has one spelling.
public struct LogStatement: Equatable, Sendable {
  static let type = "https://in-toto.io/Statement/v1"

  /// Where the entry stands.
  public struct Position: Equatable, Sendable {
    /// The entry's own index.
    public let index: UInt64
    /// The size of the log on which its commit stands.
    public let size: UInt64
    /// The root at that size.
    public let root: Digest

    public init(index: UInt64, size: UInt64, root: Digest) {
      self.index = index
      self.size = size
      self.root = root
    }
  }

  public let author: KeyID
  public let position: Position
  /// The index of this author's previous entry, or nil when this is the first.
  public let previous: UInt64?
  /// Which program wrote it, such as `varve 1.0.0`.
  public let program: String
  public let repository: Digest
  /// What the author's clock said; whole seconds. Nothing depends on it.
  public let time: Timestamp
  public let body: Body

  public init(
    author: KeyID, position: Position, previous: UInt64?, program: String, repository: Digest,
    time: Timestamp, body: Body
  ) {
    self.author = author
    self.position = position
    self.previous = previous
    self.program = program
    self.repository = repository
    self.time = Timestamp(seconds: time.seconds)
    self.body = body
  }

  /// Parses a payload; any spelling but the canonical one is damage.
  ///
  /// - Parameters:
  ///   - config: the digest of the object `config`, which is the subject of some kinds.
  ///   - what: names the entry in errors.
  /// - Throws: `VarveError.Code.damaged`, or `unsupportedFormat` for a kind or member that is not
  ///   known.
  public init(_ bytes: [UInt8], config: Digest, _ what: String) throws {
    try self.init(bytes, config: config, isVerified: false, what)
  }

  /// - Parameter isVerified: whether these bytes were found canonical, with the right subject, before.
  package init(_ bytes: [UInt8], config: Digest, isVerified: Bool, _ what: String) throws {
    let json =
      isVerified
      ? try JSONValue(knownCanonical: bytes, what) : try JSONValue(canonical: bytes, what)
    do {
      try self.init(json, what)
      guard
        try isVerified || json.member("subject") == .array(body.subject(config: config))
      else { throw VarveError(.damaged, "its subject is not what the statement is about") }
    } catch let error as VarveError where error.code == .damaged {
      throw VarveError(.damaged, "\(what) is damaged", cause: error)
    }
  }

  private init(_ json: JSONValue, _ what: String) throws {
    try json.requireMembers(within: ["_type", "predicate", "predicateType", "subject"], what)
    guard try json.string("_type") == Self.type else {
      throw VarveError(.damaged, "its type is not \(Self.type)")
    }
    let predicate = try json.member("predicate")
    body = try Body(predicateType: try json.string("predicateType"), predicate, what)
    try predicate.requireMembers(within: Self.commonMembers.union(body.members.keys), what)
    let log = try predicate.member("log")
    try log.requireMembers(within: ["index", "root", "size"], what)
    author = try predicate.keyID("author")
    position = Position(
      index: try log.count("index"), size: try log.count("size"), root: try log.digest("root"))
    let previous = try predicate.integer("previous")
    guard previous >= -1 else { throw VarveError(.damaged, "\"previous\" is not an index") }
    self.previous = UInt64(exactly: previous)
    program = try predicate.string("program")
    repository = try predicate.digest("repository")
    time = try predicate.utcTime("time")
  }

  private static let commonMembers: Set<String> = [
    "author", "log", "previous", "program", "repository", "time",
  ]

  /// The payload's canonical bytes.
  public func bytes(config: Digest) -> [UInt8] {
    var predicate = body.members
    predicate["author"] = .string(author.text)
    predicate["log"] = [
      "index": .integer(Int64(position.index)), "root": .string(position.root.hex),
      "size": .integer(Int64(position.size)),
    ]
    predicate["previous"] = .integer(previous.map { Int64($0) } ?? -1)
    predicate["program"] = .string(program)
    predicate["repository"] = .string(repository.hex)
    predicate["time"] = .string(time.utcSeconds)
    let json: JSONValue = [
      "_type": .string(Self.type), "predicate": .object(predicate),
      "predicateType": .string("urn:varve:\(body.kind):v1"),
      "subject": .array(body.subject(config: config)),
    ]
    return json.canonicalBytes()
  }
}
