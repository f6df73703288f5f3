internal import COpenSSL
public import VarveFormat

/// A request to a time-stamping authority for a token over a digest (RFC 3161, section 2.4.1), with a random
/// nonce, so that an old answer is none to it.
public struct TimestampRequest: Equatable, Sendable {
  /// The media type of a request, and of its answer.
  public static let contentType = "application/timestamp-query"
  public static let answerContentType = "application/timestamp-reply"

  public let imprint: Digest
  public let nonce: UInt64
  /// DER.
  public let bytes: [UInt8]

  /// - Parameter nonce: other than random only for tests.
  /// - Throws: `VarveError.Code.io` when memory is short.
  public init(
    imprint: Digest, nonce: UInt64 = .random(in: 1...UInt64.max)
  ) throws {
    self.imprint = imprint
    self.nonce = nonce
    var out: UnsafeMutablePointer<UInt8>?
    let count = imprint.bytes.withUnsafeBufferPointer { digest -> Int in
      guard let digest = digest.baseAddress else { return 0 }
      return varve_timestamp_request(digest, nonce, &out)
    }
    defer { varve_timestamp_free(out) }
    guard count > 0, let out else {
      throw VarveError(.io, "libcrypto cannot make a time-stamp request")
    }
    bytes = Array(UnsafeBufferPointer(start: out, count: count))
  }
}
