public import VarveCrypto
import VarveFormat

/// The public key that verifies a signed note, in C2SP's text form
/// `<name>+<8 hexadecimal digits of key id>+<base64 of 0x01 and the Ed25519 key>`.
///
/// The key id is the first four bytes of SHA-256 over the name, a newline, `0x01` and the key
/// (c2sp.org/signed-note).
public struct VerifierKey: Hashable, Sendable {
  static let ed25519: UInt8 = 1

  public let name: String
  public let keyID: UInt32
  /// 32 bytes.
  public let publicKey: [UInt8]

  /// - Throws: `VarveError.Code.usage` when the name or the key is malformed.
  public init(name: String, publicKey: [UInt8]) throws {
    guard Self.isName(name), publicKey.count == Ed25519.publicKeyByteCount else {
      throw VarveError(.usage, "a verifier key needs a name without spaces and plus, and 32 bytes")
    }
    self.name = name
    self.publicKey = publicKey
    let hash = SHA256.digest(Array(name.utf8) + [UInt8(ascii: "\n"), Self.ed25519] + publicKey)
    keyID = UInt32(truncatingIfNeeded: hash.prefix64 >> 32)
  }

  /// - Throws: `VarveError.Code.damaged` when the text is malformed, its key id is another key's,
  ///   or its signature type is not Ed25519.
  public init(text: String) throws {
    let fields = text.utf8.split(
      separator: UInt8(ascii: "+"), maxSplits: 2, omittingEmptySubsequences: false)
    guard fields.count == 3,
      let encoded = Base64.decode(String(decoding: Array(fields[2]), as: UTF8.self)),
      encoded.first == Self.ed25519,
      let key = try? VerifierKey(
        name: String(decoding: Array(fields[0]), as: UTF8.self),
        publicKey: Array(encoded.dropFirst())),
      key.text.utf8.elementsEqual(text.utf8)
    else { throw VarveError(.damaged, "a verifier key is malformed") }
    self = key
  }

  public var text: String {
    let digits = String(keyID, radix: 16)
    let padding = String(repeating: "0", count: 8 - digits.utf8.count)
    return "\(name)+\(padding)\(digits)+\(Base64.encode([Self.ed25519] + publicKey))"
  }

  /// Whether `signature` is this key's over the text of a note.
  func verify(_ signature: [UInt8], over text: [UInt8]) -> Bool {
    Ed25519.verify(signature: signature, message: text, publicKey: publicKey)
  }

  /// Names are not empty and have neither white space nor plus.
  static func isName(_ name: String) -> Bool {
    !name.isEmpty && !name.unicodeScalars.contains { $0.properties.isWhitespace || $0 == "+" }
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
