public import VarveCrypto
import VarveFormat

/// The public key that verifies a signed note, in C2SP's text form
/// `<name>+<8 hexadecimal digits of key id>+<base64 of 0x01 and the Ed25519 key>`.
///
/// The key id is the first four bytes of SHA-256 over the name, a newline, `0x01` and the key
/// (c2sp.org/signed-note).
public struct VerifierKey: Hashable, Sendable {
  private let parts: VerifierKeyText

  /// - Throws: `VarveError.Code.usage` when the name or the key is malformed.
  public init(name: String, publicKey: [UInt8]) throws {
    parts = try VerifierKeyText(.note, name: name, publicKey: publicKey)
  }

  /// - Throws: `VarveError.Code.damaged` when the text is malformed, its key id is another key's,
  ///   or its signature type is not Ed25519.
  public init(text: String) throws { parts = try VerifierKeyText(.note, text: text) }

  public var name: String { parts.name }
  public var keyID: UInt32 { parts.keyID }
  /// 32 bytes.
  public var publicKey: [UInt8] { parts.publicKey }
  public var text: String { parts.text }

  /// Whether `signature` is this key's over the text of a note.
  func verify(_ signature: [UInt8], over text: [UInt8]) -> Bool {
    Ed25519.verify(signature: signature, message: text, publicKey: publicKey)
  }
}

/// The private key that signs notes under a name.
public struct NoteSigner: ~Copyable, Sendable {
  public let verifierKey: VerifierKey
  private let key: Ed25519SigningKey

  /// - Throws: `VarveError.Code.usage` for a malformed name.
  public init(name: String, key: consuming Ed25519SigningKey) throws {
    verifierKey = try VerifierKey(name: name, publicKey: key.publicKey)
    self.key = key
  }

  borrowing func sign(_ text: [UInt8]) throws -> [UInt8] { try key.sign(text) }
}
