import Testing
import VarveCrypto
import VarveFormat
import VarveTestSupport

/// Against an authority of openssl's (fixtures/vectors/time-stamps.txt).
@Suite struct TimestampTests {
  private let record: VectorFile.Record
  private let imprint: Digest
  private let nonce: UInt64
  private let trusted: TimestampAuthorities

  init() throws {
    record = try #require(VectorFile.records("time-stamps.txt").first)
    imprint = try #require(Digest(hex: record.text("imprint")))
    nonce = UInt64(try record.integer("nonce"))
    trusted = try TimestampAuthorities(pem: record.bytes("trusted"), "the vector")
  }

  private var request: TimestampRequest {
    get throws { try TimestampRequest(imprint: imprint, nonce: nonce) }
  }

  @Test func requestsAreThoseOfOpenSSL() throws {
    #expect(try request.bytes == record.bytes("request"))
    let one = try TimestampRequest(imprint: imprint)
    let two = try TimestampRequest(imprint: imprint)
    #expect(one.nonce != two.nonce && one.bytes != two.bytes)
  }

  @Test func anAnswerGivesItsToken() throws {
    let token = try TimestampToken(
      answer: record.bytes("response"), to: request, "the authority")
    #expect(token.bytes == (try record.bytes("token")))
    #expect(token.time.seconds == Int64(try record.integer("seconds")))
    #expect(token.accuracy == Int64(try record.integer("accuracy")))
    #expect(token.imprint == imprint && token.nonce == nonce)
    #expect(try TimestampToken(record.bytes("token"), "token") == token)
    try token.verify(imprint: imprint, by: trusted, "token")
  }

  @Test func answersThatAreNoneToTheRequest() throws {
    let response = try record.bytes("response")
    for other in [
      try TimestampRequest(imprint: imprint, nonce: nonce + 1),
      try TimestampRequest(imprint: Digest(1, 2, 3, 4), nonce: nonce),
    ] {
      #expect(throws: VarveError(.damaged, "")) {
        try TimestampToken(answer: response, to: other, "the authority")
      }
    }
    let refusal = #expect(throws: VarveError(.refused, "")) {
      try TimestampToken(answer: record.bytes("refusal"), to: request, "the authority")
    }
    #expect(refusal?.message.contains("algorithm is not supported") == true)
    for bytes in [[], [0x30], Array("<html>".utf8), response + [0], try record.bytes("token")] {
      #expect(throws: VarveError(.damaged, "")) {
        try TimestampToken(answer: bytes, to: request, "the authority")
      }
    }
  }

  @Test func onlyTrustedAuthoritiesCount() throws {
    let token = try TimestampToken(record.bytes("token"), "token")
    let other = try TimestampAuthorities(pem: record.bytes("other"), "the vector")
    let error = #expect(throws: VarveError(.unproved, "")) {
      try token.verify(imprint: imprint, by: other, "token")
    }
    #expect(error?.message.contains("not signed by an authority") == true, "\(error!)")
    #expect(throws: VarveError(.unproved, "")) {
      try token.verify(imprint: Digest(1, 2, 3, 4), by: trusted, "token")
    }
    // Several certificates, with text between them.
    let both = try TimestampAuthorities(
      pem: record.bytes("other") + Array("a comment\n".utf8) + record.bytes("trusted"), "both")
    try token.verify(imprint: imprint, by: both, "token")
    for bytes in [[], Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8)]
    {
      #expect(throws: VarveError(.usage, "")) { try TimestampAuthorities(pem: bytes, "file") }
    }
  }

  /// Every flipped bit, and every prefix: refused, or the signature fails, or it is another spelling of the same.
  @Test func everyChangedBitIsNoticed() throws {
    let bytes = try record.bytes("token")
    let token = try TimestampToken(bytes, "token")
    for index in bytes.indices {
      for bit in 0..<8 {
        var changed = bytes
        changed[index] ^= 1 << UInt8(bit)
        guard let read = try? TimestampToken(changed, "token"),
          (try? read.verify(imprint: imprint, by: trusted, "token")) != nil
        else { continue }
        // What is not signed is certificates that are not needed and the like; never what the token says.
        #expect(read.time == token.time && read.imprint == token.imprint, "byte \(index)")
        #expect(read.accuracy == token.accuracy && read.nonce == token.nonce, "byte \(index)")
      }
      #expect(throws: VarveError(.damaged, "")) {
        try TimestampToken(Array(bytes[..<index]), "token")
      }
    }
    #expect(throws: VarveError(.damaged, "")) { try TimestampToken(bytes + [0], "token") }
  }

  @Test func everyChangedByteOfAnAnswer() throws {
    let bytes = try record.bytes("response")
    let wanted = try TimestampToken(answer: bytes, to: request, "the authority")
    for index in bytes.indices {
      for flip: UInt8 in [0x01, 0x10, 0x80, 0xff] {
        var changed = bytes
        changed[index] ^= flip
        guard let token = try? TimestampToken(answer: changed, to: request, "the authority") else {
          continue
        }
        #expect(token.imprint == wanted.imprint && token.nonce == wanted.nonce)
      }
    }
  }
}
