internal import Crypto
internal import FoundationEssentials
internal import Glibc
public import VarveFormat

/// Hybrid public-key encryption (RFC 9180), base mode, one message a context:
/// DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM (docs/format.md, Notation).
public enum HPKE {
  /// Bytes in an encapsulated key.
  public static let encapsulationByteCount = 32
  /// Bytes that a ciphertext has more than its plaintext.
  public static let tagByteCount = 16

  private static var suite: Crypto.HPKE.Ciphersuite {
    Crypto.HPKE.Ciphersuite(
      kem: .Curve25519_HKDF_SHA256, kdf: .HKDF_SHA256, aead: .AES_GCM_256)
  }

  /// Encrypts `plaintext` to the holder of the private key, under a fresh ephemeral key.
  ///
  /// - Returns: the encapsulated key, 32 bytes, and the ciphertext with its 16-byte tag.
  /// - Throws: `VarveError.Code.damaged` when `publicKey` is none (of small order, or not 32 bytes).
  public static func seal(
    to publicKey: [UInt8], info: [UInt8], aad: [UInt8], plaintext: UnsafeRawBufferPointer
  ) throws(VarveError) -> (encapsulation: [UInt8], ciphertext: [UInt8]) {
    do {
      let key = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: publicKey)
      try requireSharedSecret(of: Curve25519.KeyAgreement.PrivateKey(), and: key)
      var sender = try Crypto.HPKE.Sender(
        recipientKey: key, ciphersuite: suite, info: Data(info))
      let ciphertext = try sender.seal(borrowedData(plaintext), authenticating: aad)
      return ([UInt8](sender.encapsulatedKey), [UInt8](ciphertext))
    } catch {
      throw VarveError(.damaged, "cannot seal to the repository's data key", cause: error)
    }
  }

  /// Encrypts a secret; see `seal(to:info:aad:plaintext:)`.
  public static func seal(
    to publicKey: [UInt8], info: [UInt8], aad: [UInt8], plaintext: borrowing SecretBytes
  ) throws(VarveError) -> (encapsulation: [UInt8], ciphertext: [UInt8]) {
    try plaintext.withUnsafeBytes { (plaintext) throws(VarveError) in
      try seal(to: publicKey, info: info, aad: aad, plaintext: plaintext)
    }
  }

  /// Decrypts what `seal` gave.
  ///
  /// - Throws: `VarveError.Code.damaged` when any argument is not what was used in sealing.
  public static func open(
    privateKey: borrowing SecretBytes, encapsulation: [UInt8], info: [UInt8], aad: [UInt8],
    ciphertext: UnsafeRawBufferPointer
  ) throws(VarveError) -> SecretBytes {
    let key = try X25519.agreementKey(privateKey)
    guard encapsulation.count == encapsulationByteCount, ciphertext.count >= tagByteCount else {
      throw VarveError(.damaged, "an HPKE message has a wrong length")
    }
    do {
      try requireSharedSecret(
        of: key, and: Curve25519.KeyAgreement.PublicKey(rawRepresentation: encapsulation))
      var recipient = try Crypto.HPKE.Recipient(
        privateKey: key, ciphersuite: suite, info: Data(info),
        encapsulatedKey: Data(encapsulation))
      var plaintext = try recipient.open(borrowedData(ciphertext), authenticating: aad)
      defer {
        plaintext.withUnsafeMutableBytes {
          if let start = $0.baseAddress { explicit_bzero(start, $0.count) }
        }
      }
      return SecretBytes(count: plaintext.count) { secret in
        plaintext.withUnsafeBytes { secret.copyMemory(from: $0) }
      }
    } catch {
      throw VarveError(.damaged, "an HPKE message does not authenticate", cause: error)
    }
  }

  /// Decrypts what `seal` gave; see `open(privateKey:encapsulation:info:aad:ciphertext:)`.
  public static func open(
    privateKey: borrowing SecretBytes, encapsulation: [UInt8], info: [UInt8], aad: [UInt8],
    ciphertext: [UInt8]
  ) throws(VarveError) -> SecretBytes {
    let bytes = ciphertext.span.bytes
    return try bytes.withUnsafeBytes { (bytes) throws(VarveError) in
      try open(
        privateKey: privateKey, encapsulation: encapsulation, info: info, aad: aad,
        ciphertext: bytes)
    }
  }

  // RFC 9180, section 7.1.4: with a public key of small order the shared secret is zero, known to
  // everybody, and must be refused. The library does not look.
  private static func requireSharedSecret(
    of privateKey: Curve25519.KeyAgreement.PrivateKey,
    and publicKey: Curve25519.KeyAgreement.PublicKey
  ) throws {
    let secret = try privateKey.sharedSecretFromKeyAgreement(with: publicKey)
    guard secret.withUnsafeBytes({ $0.contains { $0 != 0 } }) else {
      throw VarveError(.damaged, "an X25519 public key is of small order")
    }
  }

  // The callee does not keep it, so the bytes need no copy.
  private static func borrowedData(_ bytes: UnsafeRawBufferPointer) -> Data {
    guard let start = bytes.baseAddress, bytes.count > 0 else { return Data() }
    return Data(
      bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: bytes.count, deallocator: .none)
  }
}
