/// The public key of a witness: a verifier key of the signature type `0x04` (c2sp.org/tlog-cosignature).
/// It is a type of its own, so that no witness's key can ever verify a log's signature.
public struct WitnessKey: Hashable, Sendable {
  private let parts: VerifierKeyText

  /// - Throws: `VarveError.Code.usage` when the name or the key is malformed.
  public init(name: String, publicKey: [UInt8]) throws {
    parts = try VerifierKeyText(.cosignature, name: name, publicKey: publicKey)
  }

  /// - Throws: `VarveError.Code.damaged` when the text is malformed, its key id is another key's, or it is
  ///   no key for Ed25519 cosignatures.
  public init(text: String) throws { parts = try VerifierKeyText(.cosignature, text: text) }

  public var name: String { parts.name }
  public var keyID: UInt32 { parts.keyID }
  /// 32 bytes.
  public var publicKey: [UInt8] { parts.publicKey }
  /// `<name>+<8 hexadecimal digits of key id>+<base64 of 0x04 and the Ed25519 key>`.
  public var text: String { parts.text }

  var keyIDText: String { parts.keyIDText }

  /// Whether a signature line claims to be this key's.
  func isNamed(by signature: SignedNote.Signature) -> Bool {
    signature.keyID == keyID && signature.name.utf8.elementsEqual(name.utf8)
  }
}
