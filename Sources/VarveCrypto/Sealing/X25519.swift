internal import Crypto
public import VarveFormat

/// X25519 (RFC 7748): the keys that packs and snapshot records are sealed to.
public enum X25519 {
  /// Bytes in a private and in a public key.
  public static let keyByteCount = 32

  /// - Parameter privateKey: 32 bytes; any are valid.
  /// - Throws: `VarveError.Code.damaged` for another length.
  public static func publicKey(of privateKey: borrowing SecretBytes) throws(VarveError) -> [UInt8] {
    [UInt8](try agreementKey(privateKey).publicKey.rawRepresentation)
  }

  static func agreementKey(
    _ privateKey: borrowing SecretBytes
  ) throws(VarveError) -> Curve25519.KeyAgreement.PrivateKey {
    do {
      return try privateKey.withUnsafeBytes {
        try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: $0)
      }
    } catch {
      throw VarveError(.damaged, "an X25519 private key has \(privateKey.count) bytes, not 32")
    }
  }
}
