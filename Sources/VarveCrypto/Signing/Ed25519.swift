internal import Crypto
public import VarveFormat

/// Verification of Ed25519 signatures (RFC 8032).
public enum Ed25519 {
  public static let publicKeyByteCount = 32
  public static let signatureByteCount = 64

  /// Whether `signature` is `publicKey`'s over `message`; false for a key or signature of a wrong length.
  public static func verify(signature: [UInt8], message: [UInt8], publicKey: [UInt8]) -> Bool {
    guard signature.count == signatureByteCount,
      let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey)
    else { return false }
    return key.isValidSignature(signature, for: message)
  }
}

/// An Ed25519 private key (RFC 8032), made from a 32-byte seed.
///
/// Signatures are deterministic: whoever completes a crashed append writes the same bytes.
public struct Ed25519SigningKey: ~Copyable, Sendable {
  public static let seedByteCount = 32

  private let key: Curve25519.Signing.PrivateKey

  /// - Throws: `VarveError.Code.damaged` when the seed has not 32 bytes.
  public init(seed: borrowing SecretBytes) throws(VarveError) {
    do {
      key = try seed.withUnsafeBytes { try Curve25519.Signing.PrivateKey(rawRepresentation: $0) }
    } catch {
      throw VarveError(.damaged, "an Ed25519 seed has \(seed.count) bytes, not 32")
    }
  }

  /// The 32 bytes that verify this key's signatures.
  public var publicKey: [UInt8] { [UInt8](key.publicKey.rawRepresentation) }

  /// The 64-byte signature over `message`.
  public borrowing func sign(_ message: [UInt8]) throws(VarveError) -> [UInt8] {
    do {
      return [UInt8](try key.signature(for: message))
    } catch {
      throw VarveError(.io, "libcrypto cannot sign with Ed25519", cause: error)
    }
  }
}
