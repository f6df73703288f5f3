public import VarveCrypto
public import VarveFormat

/// A DSSE envelope (github.com/secure-systems-lab/dsse, protocol 1.0) with one Ed25519 signature,
/// in canonical JSON: `{"payload":…,"payloadType":…,"signatures":[{"keyid":…,"sig":…}]}`.
///
/// What is signed is the pre-authentication encoding: `DSSEv1`, the payload type and the payload,
/// each of the latter after its length in decimal, separated by single spaces.
public struct DSSEEnvelope: Equatable, Sendable {
  /// The payload type of in-toto statements.
  public static let inToto = "application/vnd.in-toto+json"

  public let payloadType: String
  public let payload: [UInt8]
  /// A hint which key signed.
  public let keyID: KeyID
  public let signature: [UInt8]

  /// Signs `payload`.
  public init(
    signing payload: [UInt8], type: String = inToto, with key: borrowing Ed25519SigningKey
  ) throws {
    payloadType = type
    self.payload = payload
    keyID = KeyID(publicKey: key.publicKey)
    signature = try key.sign(Self.preAuthenticationEncoding(type: type, payload: payload))
  }

  /// Parses an envelope; any spelling but the canonical one is damage.
  ///
  /// - Throws: `VarveError.Code.damaged`, also for members that are not known.
  public init(_ bytes: [UInt8], _ what: String) throws {
    try self.init(bytes, isVerified: false, what)
  }

  /// - Parameter isVerified: whether these bytes were found canonical before.
  package init(_ bytes: [UInt8], isVerified: Bool, _ what: String) throws {
    let json =
      isVerified
      ? try JSONValue(knownCanonical: bytes, what) : try JSONValue(canonical: bytes, what)
    do {
      try self.init(json, what)
    } catch let error as VarveError {
      throw VarveError(.damaged, "\(what) is damaged", cause: error)
    }
  }

  init(_ json: JSONValue, _ what: String) throws {
    try json.requireMembers(within: ["payload", "payloadType", "signatures"], what)
    let signatures = try json.array("signatures")
    guard signatures.count == 1 else {
      throw VarveError(.damaged, "it has \(signatures.count) signatures, not 1")
    }
    try signatures[0].requireMembers(within: ["keyid", "sig"], what)
    payloadType = try json.string("payloadType")
    payload = try json.base64("payload")
    keyID = try signatures[0].keyID("keyid")
    signature = try signatures[0].base64("sig", byteCount: Ed25519.signatureByteCount)
  }

  /// The canonical bytes.
  public var bytes: [UInt8] { json.canonicalBytes() }

  var json: JSONValue {
    [
      "payload": .string(Base64.encode(payload)),
      "payloadType": .string(payloadType),
      "signatures": [["keyid": .string(keyID.text), "sig": .string(Base64.encode(signature))]],
    ]
  }

  /// Whether `publicKey` made the signature.
  public func isSigned(by publicKey: [UInt8]) -> Bool {
    Ed25519.verify(
      signature: signature,
      message: Self.preAuthenticationEncoding(type: payloadType, payload: payload),
      publicKey: publicKey)
  }

  public static func preAuthenticationEncoding(type: String, payload: [UInt8]) -> [UInt8] {
    Array("DSSEv1 \(type.utf8.count) \(type) \(payload.count) ".utf8) + payload
  }
}

extension KeyID {
  /// The first 16 bytes of SHA-256 over the raw public key (docs/format.md, section 12).
  public init(publicKey: [UInt8]) {
    self.init(prefixOf: SHA256.digest(publicKey))
  }
}
