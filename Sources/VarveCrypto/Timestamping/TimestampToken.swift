internal import COpenSSL
public import VarveFormat

/// A token of a time-stamping authority (RFC 3161, section 2.4.2): signed data (CMS) that a SHA-256 digest existed at
/// a time.
public struct TimestampToken: Equatable, Sendable {
  /// Longer ones are refused.
  public static let largestByteCount = 1 << 20

  /// DER.
  public let bytes: [UInt8]
  /// The digest that it is over.
  public let imprint: Digest
  /// Whole seconds.
  public let time: Timestamp
  /// Seconds by which `time` may be off, as the authority says.
  public let accuracy: Int64
  /// Nil without one, and for one of more than 64 bits.
  public let nonce: UInt64?

  /// Reads a token; nothing that it says is verified.
  ///
  /// - Throws: `VarveError.Code.damaged` for anything but a token over a SHA-256 digest.
  public init(_ bytes: [UInt8], _ what: String) throws {
    var read = varve_timestamp()
    let isToken = bytes.withUnsafeBufferPointer { buffer -> Bool in
      guard let start = buffer.baseAddress else { return false }
      return varve_timestamp_read(start, buffer.count, &read)
    }
    let imprint = withUnsafeBytes(of: read.imprint) { Digest(Array($0)) }
    guard isToken, let imprint else {
      throw VarveError(
        .damaged, "\(what) is damaged: it is no time-stamp token over a SHA-256 digest")
    }
    self.bytes = bytes
    self.imprint = imprint
    time = Timestamp(seconds: read.seconds)
    accuracy = read.accuracy
    nonce = read.has_nonce ? read.nonce : nil
  }

  /// The token in an authority's answer to `request`.
  ///
  /// - Throws: `VarveError.Code.refused` when the authority refuses, `damaged` when the answer is none, or is an
  ///   answer to something else.
  public init(answer: [UInt8], to request: TimestampRequest, _ what: String) throws {
    var status = -1
    var text = [UInt8](repeating: 0, count: 512)
    var textCount = text.count
    var out: UnsafeMutablePointer<UInt8>?
    let count = answer.withUnsafeBufferPointer { answer -> Int in
      guard let start = answer.baseAddress else { return 0 }
      return text.withUnsafeMutableBufferPointer { text -> Int in
        guard let base = text.baseAddress else { return 0 }
        return varve_timestamp_response(start, answer.count, &status, base, &textCount, &out)
      }
    }
    defer { varve_timestamp_free(out) }
    if status > 1 {
      let said = String(decoding: text.prefix(textCount), as: UTF8.self)
      throw VarveError(
        .refused, "\(what) refuses (status \(status))\(said.isEmpty ? "" : ": \(said)")")
    }
    guard status >= 0, count > 0, let out else {
      throw VarveError(.damaged, "\(what) gave no time-stamp response")
    }
    let token = try TimestampToken(
      Array(UnsafeBufferPointer(start: out, count: count)), "the token of \(what)")
    guard token.imprint == request.imprint, token.nonce == request.nonce else {
      throw VarveError(.damaged, "\(what) answered another request")
    }
    self = token
  }

  /// Verifies that one of `authorities`, or one that they certify, signed the token over `imprint`. Certificates
  /// must have been valid at the token's own time: a token outlives them.
  ///
  /// - Throws: `VarveError.Code.unproved`.
  public func verify(
    imprint: Digest, by authorities: TimestampAuthorities, _ what: String
  ) throws {
    guard imprint == self.imprint else {
      throw VarveError(.unproved, "\(what) is over something else")
    }
    var reason = [CChar](repeating: 0, count: 256)
    let isRight = bytes.withUnsafeBufferPointer { bytes -> Bool in
      authorities.pem.withUnsafeBufferPointer { pem -> Bool in
        imprint.bytes.withUnsafeBufferPointer { digest -> Bool in
          reason.withUnsafeMutableBufferPointer { reason -> Bool in
            guard let start = bytes.baseAddress, let pemStart = pem.baseAddress,
              let digestStart = digest.baseAddress, let reasonStart = reason.baseAddress
            else { return false }
            return varve_timestamp_verify(
              start, bytes.count, digestStart, time.seconds, pemStart, pem.count, reasonStart,
              reason.count)
          }
        }
      }
    }
    guard isRight else {
      let text = String(
        decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw VarveError(
        .unproved, "\(what) is not signed by an authority that is trusted: \(text)",
        hint:
          "see that the file of trusted certificates has the root of the authority that signed it")
    }
  }
}

/// Certificates of authorities whose word about the time counts.
public struct TimestampAuthorities: Equatable, Sendable {
  /// PEM.
  let pem: [UInt8]

  /// - Throws: `VarveError.Code.usage` when the text has no certificate.
  public init(pem: [UInt8], _ what: String) throws {
    let count = pem.withUnsafeBufferPointer { buffer -> Int32 in
      guard let start = buffer.baseAddress else { return 0 }
      return varve_timestamp_certificates(start, buffer.count)
    }
    guard count > 0 else {
      throw VarveError(.usage, "\(what) has no certificate in PEM")
    }
    self.pem = pem
  }
}
