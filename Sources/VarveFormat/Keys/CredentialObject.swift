/// The object `keys/<digest>`: what lets a password or a key file unlock secrets
/// (docs/format.md, section 4.1). Canonical JSON; the secrets in it are sealed.
public struct CredentialObject: Equatable, Sendable {
  public static let format: Int64 = 1

  public enum Kind: String, Hashable, Sendable {
    case password
    case keyFile = "key-file"
  }

  /// How the wrapping secret comes from what the user has.
  public enum KeyDerivation: Equatable, Sendable {
    /// From a password, with r = 8.
    case scrypt(n: Int, p: Int, salt: [UInt8])
    /// The key file holds it.
    case none

    public static let blockSize: Int64 = 8
    public static let costs = 1 << 14...1 << 20
    public static let parallelizations = 1...16
    public static let saltByteCount = 32
  }

  /// A nonce and what is sealed under it, tag included.
  public struct Sealed: Equatable, Sendable {
    public static let nonceByteCount = 12
    static let tagByteCount = 16

    /// 12 bytes.
    public let nonce: [UInt8]
    public let ciphertext: [UInt8]

    public init(nonce: [UInt8], ciphertext: [UInt8]) {
      self.nonce = nonce
      self.ciphertext = ciphertext
    }

    init(_ bytes: [UInt8]) throws {
      guard bytes.count >= Self.nonceByteCount + Self.tagByteCount else {
        throw VarveError(.damaged, "a sealed field of a credential is too short")
      }
      self.init(
        nonce: Array(bytes[..<Self.nonceByteCount]),
        ciphertext: Array(bytes[Self.nonceByteCount...]))
    }

    var bytes: [UInt8] { nonce + ciphertext }
  }

  public let repository: Digest
  public let kind: Kind
  public let role: Role
  public let created: Timestamp
  public let keyDerivation: KeyDerivation
  public let label: Sealed
  public let wrapped: Sealed

  public init(
    repository: Digest, kind: Kind, role: Role, created: Timestamp, keyDerivation: KeyDerivation,
    label: Sealed, wrapped: Sealed
  ) {
    self.repository = repository
    self.kind = kind
    self.role = role
    self.created = created
    self.keyDerivation = keyDerivation
    self.label = label
    self.wrapped = wrapped
  }

  /// Parses a credential.
  ///
  /// - Parameter what: the object's name.
  /// - Throws: `VarveError.Code.damaged`, or `unsupportedFormat` for another version.
  public init(_ bytes: [UInt8], _ what: String) throws {
    let json = try JSONValue(canonical: bytes, what)
    do {
      try self.init(json, what)
    } catch let error as VarveError where error.code == .damaged {
      throw VarveError(.damaged, "\(what) is damaged", cause: error)
    }
  }

  private init(_ json: JSONValue, _ what: String) throws {
    let format = try json.integer("format")
    guard format == Self.format else {
      throw VarveError.newerFormat("\(what) has format \(format)")
    }
    try json.requireMembers(
      within: ["created", "format", "kdf", "kind", "label", "repository", "role", "wrapped"], what)
    guard let kind = Kind(rawValue: try json.string("kind")) else {
      throw VarveError.newerFormat("\(what) is of the kind \(try json.string("kind"))")
    }
    self.init(
      repository: try json.digest("repository"), kind: kind, role: try json.role("role"),
      created: try json.utcTime("created"),
      keyDerivation: try KeyDerivation(try json.member("kdf"), kind, what),
      label: try Sealed(try json.base64("label")), wrapped: try Sealed(try json.base64("wrapped")))
  }

  /// The object's bytes.
  public var bytes: [UInt8] {
    var members = header
    members["label"] = .string(Base64.encode(label.bytes))
    members["wrapped"] = .string(Base64.encode(wrapped.bytes))
    return JSONValue.object(members).canonicalBytes()
  }

  /// What the wrapped payload is authenticated together with: the object without `label` and
  /// `wrapped`.
  public var authenticatedData: [UInt8] { JSONValue.object(header).canonicalBytes() }

  private var header: [String: JSONValue] {
    [
      "created": .string(created.utcSeconds), "format": .integer(Self.format),
      "kdf": keyDerivation.json, "kind": .string(kind.rawValue),
      "repository": .string(repository.hex),
      "role": .string(role.rawValue),
    ]
  }
}

extension CredentialObject.KeyDerivation {
  fileprivate init(_ json: JSONValue, _ kind: CredentialObject.Kind, _ what: String) throws {
    let name = try json.string("name")
    switch (kind, name) {
    case (.keyFile, "none"):
      try json.requireMembers(within: ["name"], what)
      self = .none
    case (.password, "scrypt"):
      try json.requireMembers(within: ["n", "name", "p", "r", "salt"], what)
      let n = Int(try json.integer("n"))
      let p = Int(try json.integer("p"))
      guard Self.costs.contains(n), n & (n - 1) == 0, Self.parallelizations.contains(p),
        try json.integer("r") == Self.blockSize
      else { throw VarveError(.damaged, "scrypt parameters are out of bounds") }
      self = .scrypt(n: n, p: p, salt: try json.base64("salt", byteCount: Self.saltByteCount))
    default:
      throw VarveError.newerFormat("\(what) has the key derivation \(name)")
    }
  }

  fileprivate var json: JSONValue {
    switch self {
    case .none: ["name": "none"]
    case .scrypt(let n, let p, let salt):
      [
        "n": .integer(Int64(n)), "name": "scrypt", "p": .integer(Int64(p)),
        "r": .integer(Self.blockSize), "salt": .string(Base64.encode(salt)),
      ]
    }
  }
}
