import VarveCrypto
import VarveFormat

/// C2SP's text form of verifier keys, whatever they verify (c2sp.org/signed-note):
///
/// ```
/// <name>+<8 hexadecimal digits of key id>+<base64 of signature type and key>
/// key id := the first four bytes of SHA-256(name, newline, signature type, key)
/// ```
struct VerifierKeyText: Hashable, Sendable {
  /// One byte that says how the key signs, so that a key for one purpose is none for another.
  enum SignatureType: UInt8, Sendable {
    /// Ed25519 over the text of a note.
    case note = 1
    /// Ed25519 over a checkpoint and the time: `cosignature/v1` (c2sp.org/tlog-cosignature).
    case cosignature = 4
  }

  let type: SignatureType
  let name: String
  /// 32 bytes.
  let publicKey: [UInt8]
  let keyID: UInt32

  /// - Throws: `VarveError.Code.usage` when the name or the key is malformed.
  init(_ type: SignatureType, name: String, publicKey: [UInt8]) throws {
    guard Self.isName(name), publicKey.count == Ed25519.publicKeyByteCount else {
      throw VarveError(.usage, "a verifier key needs a name without spaces and plus, and 32 bytes")
    }
    self.type = type
    self.name = name
    self.publicKey = publicKey
    let hash = SHA256.digest(Array(name.utf8) + [UInt8(ascii: "\n"), type.rawValue] + publicKey)
    keyID = UInt32(truncatingIfNeeded: hash.prefix64 >> 32)
  }

  /// - Throws: `VarveError.Code.damaged` when the text is malformed, its key id is another key's, or its
  ///   signature type is another one.
  init(_ type: SignatureType, text: String) throws {
    let fields = text.utf8.split(
      separator: UInt8(ascii: "+"), maxSplits: 2, omittingEmptySubsequences: false)
    guard fields.count == 3,
      let encoded = Base64.decode(String(decoding: Array(fields[2]), as: UTF8.self)),
      encoded.first == type.rawValue,
      let key = try? VerifierKeyText(
        type, name: String(decoding: Array(fields[0]), as: UTF8.self),
        publicKey: Array(encoded.dropFirst())),
      key.text.utf8.elementsEqual(text.utf8)
    else { throw VarveError(.damaged, "a verifier key is malformed") }
    self = key
  }

  var text: String { "\(name)+\(keyIDText)+\(Base64.encode([type.rawValue] + publicKey))" }

  /// Eight digits.
  var keyIDText: String {
    let digits = String(keyID, radix: 16)
    return String(repeating: "0", count: 8 - digits.utf8.count) + digits
  }

  /// Names are not empty and have neither white space nor plus.
  static func isName(_ name: String) -> Bool {
    !name.isEmpty && !name.unicodeScalars.contains { $0.properties.isWhitespace || $0 == "+" }
  }
}
