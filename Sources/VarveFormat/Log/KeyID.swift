/// Names the author of log entries: the first 16 bytes of SHA-256 over the raw Ed25519 public key,
/// in JSON 32 lower-case hexadecimal digits (docs/format.md, section 12).
public struct KeyID: Hashable, Sendable {
  public static let byteCount = 16

  private let high, low: UInt64

  public init(prefixOf digest: Digest) {
    high = digest.w0
    low = digest.w1
  }

  /// The bytes in order, as two big-endian words.
  package init(words high: UInt64, _ low: UInt64) {
    self.high = high
    self.low = low
  }

  package var words: (UInt64, UInt64) { (high, low) }

  /// Nil unless the text is 32 lower-case hexadecimal digits.
  public init?(text: String) {
    guard let bytes = Hex.decode(text), bytes.count == Self.byteCount else { return nil }
    high = bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }
    low = bytes[8...].reduce(0) { $0 << 8 | UInt64($1) }
  }

  public var text: String { String(Digest(high, low, 0, 0).hex.prefix(2 * Self.byteCount)) }
}

extension KeyID: CustomStringConvertible {
  public var description: String { text }
}

extension JSONValue {
  /// A key id under `key`.
  public func keyID(_ key: String) throws -> KeyID {
    guard let value = KeyID(text: try string(key)) else {
      throw VarveError(.damaged, "the JSON member \"\(key)\" is not a key id")
    }
    return value
  }
}
