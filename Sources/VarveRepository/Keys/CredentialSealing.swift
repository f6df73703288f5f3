import VarveCrypto
import VarveFormat

/// Wraps and unwraps the payload and the label of credentials (docs/format.md, section 4.1).
enum CredentialSealing {
  private static let labelData = Array("varve v1 label".utf8)
  private static let largestLabel = 1024

  /// `K_wrap = HKDF(secret, RID, "varve v1 wrap " kind, 32)`.
  private static func wrappingKey(
    _ secret: borrowing SecretBytes, _ kind: CredentialObject.Kind, repository: Digest
  ) -> SecretBytes {
    HKDF.derive(
      ikm: secret, salt: repository.bytes, info: Array("varve v1 wrap \(kind.rawValue)".utf8),
      count: 32)
  }

  private static func labelKey(_ indexKey: borrowing SecretBytes, repository: Digest) -> SecretBytes
  {
    HKDF.derive(
      ikm: indexKey, salt: repository.bytes, info: Array("varve v1 label key".utf8), count: 32)
  }

  /// A new credential.
  ///
  /// - Parameters:
  ///   - secret: the key file's 32 bytes, or the password stretched as `derivation` says.
  ///   - label: what the user calls it, at most 1,024 bytes.
  static func seal(
    _ payload: borrowing CredentialPayload, kind: CredentialObject.Kind,
    derivation: CredentialObject.KeyDerivation, secret: borrowing SecretBytes, label: String,
    indexKey: borrowing SecretBytes, repository: Digest, created: Timestamp
  ) throws -> CredentialObject {
    guard label.utf8.count <= largestLabel else {
      throw VarveError(.usage, "the label is longer than \(largestLabel) bytes")
    }
    let sealedLabel = try sealed(
      under: labelKey(indexKey, repository: repository), aad: labelData
    ) { cipher, nonce, aad in
      try Array(label.utf8).withUnsafeBytes {
        try cipher.seal(nonce: nonce, aad: aad, plaintext: $0)
      }
    }
    let created = Timestamp(seconds: created.seconds)
    let unsealed = CredentialObject(
      repository: repository, kind: kind, role: payload.role, created: created,
      keyDerivation: derivation, label: sealedLabel, wrapped: sealedLabel)
    let key = wrappingKey(secret, kind, repository: repository)
    let bytes = payload.encode()
    let wrapped = try sealed(under: key, aad: unsealed.authenticatedData) { cipher, nonce, aad in
      try bytes.withUnsafeBytes { try cipher.seal(nonce: nonce, aad: aad, plaintext: $0) }
    }
    return CredentialObject(
      repository: repository, kind: kind, role: payload.role, created: created,
      keyDerivation: derivation, label: sealedLabel, wrapped: wrapped)
  }

  private static func sealed(
    under key: borrowing SecretBytes, aad: [UInt8],
    _ seal: (AES256GCM, _ nonce: [UInt8], _ aad: [UInt8]) throws -> [UInt8]
  ) throws -> CredentialObject.Sealed {
    let nonce = SecureRandom.bytes(CredentialObject.Sealed.nonceByteCount)
    return CredentialObject.Sealed(
      nonce: nonce, ciphertext: try seal(try AES256GCM(key: key), nonce, aad))
  }

  /// The payload of `credential`, or nil when `secret` does not open it.
  ///
  /// - Throws: `VarveError.Code.damaged` when it opens but is no payload.
  static func open(
    _ credential: CredentialObject, secret: borrowing SecretBytes, _ what: String
  ) throws -> CredentialPayload? {
    let cipher = try AES256GCM(
      key: wrappingKey(secret, credential.kind, repository: credential.repository))
    let bytes: SecretBytes
    do {
      bytes = try cipher.open(
        nonce: credential.wrapped.nonce, aad: credential.authenticatedData,
        ciphertext: credential.wrapped.ciphertext)
    } catch let error as VarveError where error.code == .damaged {
      return nil
    }
    return try CredentialPayload(decoding: bytes, role: credential.role, what)
  }

  /// What the user calls `credential`.
  ///
  /// - Throws: `VarveError.Code.damaged`.
  static func label(
    of credential: CredentialObject, indexKey: borrowing SecretBytes
  ) throws -> String {
    let cipher = try AES256GCM(key: labelKey(indexKey, repository: credential.repository))
    return try cipher.open(
      nonce: credential.label.nonce, aad: labelData, ciphertext: credential.label.ciphertext
    ).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
