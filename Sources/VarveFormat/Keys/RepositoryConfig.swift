/// The text of the object `config` (docs/format.md, section 5): who a repository is, the public
/// keys on which all trust in it hangs, and the parameters that must never change.
///
/// The object is a signed note whose text is this value in canonical JSON and a newline.
public struct RepositoryConfig: Equatable, Sendable {
  public static let format: Int64 = 1

  /// Sizes in bytes at which content is cut (section 6).
  public struct ChunkSizes: Equatable, Sendable {
    public let min: Int
    /// A power of two; chunks are `min + target` bytes on average.
    public let target: Int
    public let max: Int

    public static let standard = ChunkSizes(unchecked: 512 << 10, 512 << 10, 8 << 20)

    /// - Throws: `VarveError.Code.usage` when out of the bounds of section 6.
    public init(min: Int, target: Int, max: Int) throws {
      guard min >= 4 << 10, target >= 1 << 10, target <= 16 << 20, target & (target - 1) == 0,
        max <= 64 << 20, min <= max - target
      else {
        throw VarveError(
          .usage, "chunk sizes min \(min), target \(target), max \(max) are not possible",
          hint: "min is at least 4 KiB, target a power of two from 1 KiB to 16 MiB, "
            + "max at least min + target and at most 64 MiB")
      }
      self.init(unchecked: min, target, max)
    }

    /// The standard preset scaled: `min` and `target` are half of `mean`, `max` is eight times it.
    ///
    /// - Throws: `VarveError.Code.usage` unless `mean` is a power of two from 8 KiB to 1 MiB. Less than
    ///   that the chunker cannot cut; more costs memory and finds less.
    public init(mean: Int) throws {
      guard (8 << 10...1 << 20).contains(mean), mean & (mean - 1) == 0 else {
        throw VarveError(
          .usage, "chunks of \(mean) bytes are not possible",
          hint: "give a power of two from 8K to 1M, such as 64K")
      }
      self.init(unchecked: mean / 2, mean / 2, 8 * mean)
    }

    /// Bytes of a chunk of random data, on average.
    public var mean: Int { min + target }

    private init(unchecked min: Int, _ target: Int, _ max: Int) {
      self.min = min
      self.target = target
      self.max = max
    }
  }

  public static let standardPackSize = 32 << 20
  public static let packSizes = 4 << 10...1 << 30

  /// RID.
  public let id: Digest
  public let created: Timestamp
  /// Ed25519 public key of the recovery author, who signs the genesis entry; 32 bytes.
  public let authorKey: [UInt8]
  /// C2SP verifier key text of the log; its name is `origin`.
  public let logKey: String
  /// X25519 public key to which packs and snapshot records are sealed; 32 bytes.
  public let dataKey: [UInt8]
  public let chunkSizes: ChunkSizes
  /// Bytes up to which a pack is filled.
  public let packSize: Int

  /// - Throws: `VarveError.Code.usage` when `packSize` is not within `packSizes`.
  public init(
    id: Digest, created: Timestamp, authorKey: [UInt8], logKey: String, dataKey: [UInt8],
    chunkSizes: ChunkSizes = .standard, packSize: Int = standardPackSize
  ) throws {
    guard Self.packSizes.contains(packSize) else {
      throw VarveError(
        .usage, "a pack size of \(packSize) bytes is not possible", hint: "use 4 KiB to 1 GiB")
    }
    self.id = id
    self.created = Timestamp(seconds: created.seconds)
    self.authorKey = authorKey
    self.logKey = logKey
    self.dataKey = dataKey
    self.chunkSizes = chunkSizes
    self.packSize = packSize
  }

  /// The name of the log and of its key.
  public var origin: String { Self.origin(of: id) }

  public static func origin(of id: Digest) -> String { "varve/" + id.hex }

  /// Parses the text of the note.
  ///
  /// - Throws: `VarveError.Code.damaged`, or `unsupportedFormat` for another version.
  public init(text: String) throws {
    let what = ObjectName.config
    guard text.utf8.last == UInt8(ascii: "\n") else {
      throw VarveError(.damaged, "\(what) is damaged: its text is not one line")
    }
    let json = try JSONValue(canonical: text.utf8.dropLast(), what)
    do {
      try self.init(json)
    } catch let error as VarveError where error.code == .usage || error.code == .damaged {
      throw VarveError(.damaged, "\(what) is damaged", cause: error)
    }
  }

  private init(_ json: JSONValue) throws {
    let what = ObjectName.config
    let format = try json.integer("format")
    guard format == Self.format else {
      throw VarveError.newerFormat("the repository has format \(format)")
    }
    try json.requireMembers(
      within: [
        "authorKey", "chunker", "created", "dataKey", "format", "id", "logKey", "origin",
        "packSize",
      ], what)
    let chunker = try json.member("chunker")
    try chunker.requireMembers(within: ["max", "min", "name", "target"], what)
    guard try chunker.string("name") == "gear" else {
      throw VarveError.newerFormat("the repository has the chunker \(try chunker.string("name"))")
    }
    try self.init(
      id: try json.digest("id"), created: try json.utcTime("created"),
      authorKey: try json.base64("authorKey", byteCount: 32), logKey: try json.string("logKey"),
      dataKey: try json.base64("dataKey", byteCount: 32),
      chunkSizes: try ChunkSizes(
        min: Int(try chunker.integer("min")), target: Int(try chunker.integer("target")),
        max: Int(try chunker.integer("max"))),
      packSize: Int(try json.integer("packSize")))
    guard try json.string("origin") == origin else {
      throw VarveError(.damaged, "its origin is another repository's")
    }
  }

  /// The text of the note, which ends in a newline.
  public var text: String {
    let json: JSONValue = [
      "authorKey": .string(Base64.encode(authorKey)),
      "chunker": [
        "max": .integer(Int64(chunkSizes.max)), "min": .integer(Int64(chunkSizes.min)),
        "name": "gear", "target": .integer(Int64(chunkSizes.target)),
      ],
      "created": .string(created.utcSeconds), "dataKey": .string(Base64.encode(dataKey)),
      "format": .integer(Self.format), "id": .string(id.hex), "logKey": .string(logKey),
      "origin": .string(origin), "packSize": .integer(Int64(packSize)),
    ]
    return json.canonicalText + "\n"
  }
}
