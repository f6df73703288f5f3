import Testing
import VarveCrypto
import VarveFormat
import VarveProof

@Suite struct EntryTests {
  static let seed = Array(UInt8(0)..<32)

  static func key() throws -> Ed25519SigningKey {
    try Ed25519SigningKey(seed: SecretBytes(copying: seed))
  }

  /// The example of the DSSE protocol, version 1.0.
  @Test func preAuthenticationEncoding() {
    let encoding = DSSEEnvelope.preAuthenticationEncoding(
      type: "http://example.com/HelloWorld", payload: Array("hello world".utf8))
    #expect(
      String(decoding: encoding, as: UTF8.self)
        == "DSSEv1 29 http://example.com/HelloWorld 11 hello world")
    #expect(
      DSSEEnvelope.preAuthenticationEncoding(type: "é", payload: [])
        == Array("DSSEv1 2 é 0 ".utf8))
  }

  @Test func anEnvelopeReadsBackAndVerifies() throws {
    let key = try Self.key()
    let envelope = try DSSEEnvelope(signing: Array("{}".utf8), with: key)
    let text = String(decoding: envelope.bytes, as: UTF8.self)
    #expect(text.hasPrefix(#"{"payload":"e30=","payloadType":"application/vnd.in-toto+json","#))
    #expect(text.contains(#""signatures":[{"keyid":"\#(envelope.keyID.text)","sig":""#))
    let read = try DSSEEnvelope(envelope.bytes, "entry")
    #expect(read == envelope)
    #expect(read.isSigned(by: key.publicKey))
    #expect(read.keyID == KeyID(publicKey: key.publicKey))
    #expect(!read.isSigned(by: [UInt8](repeating: 1, count: 32)))
    #expect(!read.isSigned(by: []))
  }

  @Test func everyChangedByteIsNoticed() throws {
    let key = try Self.key()
    let bytes = try DSSEEnvelope(signing: Array(#"{"a":[1,2,3]}"#.utf8), with: key).bytes
    let keyID = KeyID(publicKey: key.publicKey)
    for index in bytes.indices {
      for flip: UInt8 in [0x01, 0x04, 0x80] {
        var changed = bytes
        changed[index] ^= flip
        let envelope = try? DSSEEnvelope(changed, "entry")
        let passes =
          envelope.map {
            $0.isSigned(by: key.publicKey) && $0.keyID == keyID
              && $0.payloadType == DSSEEnvelope.inToto
          } ?? false
        #expect(!passes, "byte \(index)")
      }
    }
  }

  @Test(arguments: [
    #"{"payload":"e30=","payloadType":"t","signatures":[]}"#,
    #"{"payload":"e30","payloadType":"t","signatures":[{"keyid":"00","sig":""}]}"#,
    #"{"payloadType":"t","signatures":[{"keyid":"00112233445566778899aabbccddeeff","sig":"AAAA"}]}"#,
    "[]", "null", "",
  ])
  func malformedEnvelopes(_ text: String) {
    #expect(throws: VarveError(.damaged, "")) { try DSSEEnvelope(Array(text.utf8), "entry") }
  }

  @Test func unknownMembersAreDamage() throws {
    let envelope = try DSSEEnvelope(signing: [1], with: Self.key())
    let text = String(decoding: envelope.bytes, as: UTF8.self)
    let extended = text.replacing(#""signatures":"#, with: #""sig":1,"signatures":"#)
    #expect(throws: VarveError(.damaged, "")) {
      try DSSEEnvelope(Array(extended.utf8), "entry")
    }
  }

  @Test func bundles() throws {
    let entries: [[UInt8]] = [[1], [], Array(repeating: 7, count: 300), [2, 3]]
    let bytes = try EntryBundle.encode(entries)
    #expect(bytes.prefix(5) == [0, 1, 1, 0, 0])
    #expect(bytes[5] == 1 && bytes[6] == 44)
    #expect(try EntryBundle.entries(of: bytes, "bundle") == entries)
    #expect(try EntryBundle.entries(of: [], "bundle").isEmpty)
    for count in 1..<bytes.count where ![3, 5, 307].contains(count) {
      #expect(throws: VarveError(.damaged, "")) {
        try EntryBundle.entries(of: Array(bytes[..<count]), "bundle")
      }
    }
    #expect(throws: VarveError(.damaged, "")) {
      try EntryBundle.entries(of: bytes, limit: 3, "bundle")
    }
    #expect(throws: VarveError(.usage, "")) {
      try EntryBundle.encode([[UInt8](repeating: 0, count: 65_536)])
    }
  }
}
