import VarveCrypto
import VarveFormat

/// A credential object that is not stored yet.
struct NewCredential {
  let id: Digest
  let bytes: [UInt8]

  private init(_ object: CredentialObject) {
    bytes = object.bytes
    id = SHA256.digest(bytes)
  }

  static func make(
    _ payload: borrowing CredentialPayload, password: borrowing SecretBytes, cost: PasswordCost,
    label: String, indexKey: borrowing SecretBytes, repository: Digest
  ) throws -> NewCredential {
    guard password.count > 0 else {
      throw VarveError(.usage, "an empty password protects nothing", hint: "choose a long one")
    }
    let derivation = CredentialObject.KeyDerivation.scrypt(
      n: cost.n, p: cost.p,
      salt: SecureRandom.bytes(CredentialObject.KeyDerivation.saltByteCount))
    return NewCredential(
      try CredentialSealing.seal(
        payload, kind: .password, derivation: derivation,
        secret: try Unlocking.stretch(password, derivation), label: label, indexKey: indexKey,
        repository: repository, created: WallClock.now()))
  }

  /// - Parameter secret: 32 random bytes, which go into the key file.
  static func make(
    _ payload: borrowing CredentialPayload, keyFileSecret secret: borrowing SecretBytes,
    label: String, indexKey: borrowing SecretBytes, repository: Digest
  ) throws -> NewCredential {
    NewCredential(
      try CredentialSealing.seal(
        payload, kind: .keyFile, derivation: .none, secret: secret, label: label,
        indexKey: indexKey, repository: repository, created: WallClock.now()))
  }
}
