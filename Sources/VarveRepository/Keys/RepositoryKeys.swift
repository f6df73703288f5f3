public import VarveCrypto
public import VarveFormat
import VarveProof

/// The label under which a key is derived from the master secret (docs/format.md, section 4).
enum DerivedKey: String {
  case data = "data key"
  case index = "index key"
  case proof = "proof key"
  case chunker = "chunker key"
  case log = "log key"
  case recoveryAuthor = "recovery author"

  /// `HKDF(master, RID, "varve v1 " label, 32)`.
  func derive(from master: borrowing SecretBytes, repository: Digest) -> SecretBytes {
    HKDF.derive(
      ikm: master, salt: repository.bytes, info: Array("varve v1 \(rawValue)".utf8), count: 32)
  }
}

/// The keys that a role has. Each call gives a copy, which its owner zeroes; all throw
/// `VarveError.Code.forbidden` for a key that the role has not.
public final class RepositoryKeys: Sendable {
  public let role: Role
  let repository: Digest
  private let payload: CredentialPayload

  init(_ payload: consuming CredentialPayload, repository: Digest) {
    role = payload.role
    self.repository = repository
    self.payload = payload
  }

  /// Opens packs and snapshot records (X25519): owner and reader.
  public func dataKey() throws -> SecretBytes { try key(.data, .dataKey) }

  /// Seals index segments and labels: every role.
  public func indexKey() throws -> SecretBytes { try key(.index, .indexKey) }

  /// Salts field commitments: every role.
  public func proofKey() throws -> SecretBytes { try key(.proof, .proofKey) }

  /// Seeds the Gear table: owner and writer.
  public func chunkerKey() throws -> SecretBytes { try key(.chunker, .chunkerKey) }

  /// Seed of the key that signs checkpoints: owner and writer.
  func logKey() throws -> SecretBytes { try key(.log, .logKey) }

  /// Seed of this credential's author.
  func author() throws -> SecretBytes { try payload.secret(.author) }

  /// From which everything follows: owner.
  func master() throws -> SecretBytes { try payload.secret(.master) }

  private func key(_ derived: DerivedKey, _ name: CredentialPayload.Name) throws -> SecretBytes {
    guard role == .owner else { return try payload.secret(name) }
    return derived.derive(from: try master(), repository: repository)
  }

  /// The payload that a credential of `role` wraps, whose author has the seed `author`.
  func grant(_ role: Role, author: borrowing SecretBytes, config: Digest) throws
    -> CredentialPayload
  {
    try CredentialPayload(role: role, config: config) { name in
      switch name {
      case .author: author.copy()
      case .chunkerKey: try chunkerKey()
      case .dataKey: try dataKey()
      case .indexKey: try indexKey()
      case .logKey: try logKey()
      case .master: try master()
      case .proofKey: try proofKey()
      }
    }
  }

  /// Whether the secrets are those to which the public keys in `config` belong.
  ///
  /// - Throws: `VarveError.Code.damaged` when they are not.
  func verify(against config: RepositoryConfig) throws {
    var isRight = true
    if role != .writer {
      isRight = try X25519.publicKey(of: dataKey()) == config.dataKey
    }
    if role != .reader {
      let logKey = try Ed25519SigningKey(seed: logKey()).publicKey
      isRight = try isRight && logKey == VerifierKey(text: config.logKey).publicKey
    }
    if role == .owner {
      let seed = DerivedKey.recoveryAuthor.derive(from: try master(), repository: repository)
      isRight = try isRight && Ed25519SigningKey(seed: seed).publicKey == config.authorKey
    }
    guard isRight else {
      throw VarveError(
        .damaged, "\(ObjectName.config) does not belong to the keys that the credential holds")
    }
  }
}
