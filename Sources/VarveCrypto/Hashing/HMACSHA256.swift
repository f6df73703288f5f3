internal import COpenSSL
public import VarveFormat

/// HMAC-SHA256 (RFC 2104) under one key, whose two blocks are hashed when the value is made.
///
/// A code over up to 200 bytes takes four to six compressions and no allocation. The value
/// stands for its key (224 bytes derived from it) and is not zeroed: keep long-lived keys in `SecretBytes`.
public struct HMACSHA256: Sendable {
  private var state = varve_hmac_sha256()

  /// - Parameter key: any number of bytes; more than 64 are hashed first, as the RFC says.
  public init(key: UnsafeRawBufferPointer) {
    varve_hmac_sha256_init(&state, key.baseAddress, key.count)
  }

  public init(key: borrowing SecretBytes) {
    self = key.withUnsafeBytes { HMACSHA256(key: $0) }
  }

  /// A digest, or a code made before, as the key.
  public init(key: Digest) {
    self = key.withBytes { HMACSHA256(key: $0) }
  }

  /// The code of `message`. O(n).
  public func authenticate(_ message: UnsafeRawBufferPointer) -> Digest {
    authenticate(message, UnsafeRawBufferPointer(start: nil, count: 0))
  }

  /// The code of `message`. O(n).
  public func authenticate(_ message: [UInt8]) -> Digest {
    message.withUnsafeBytes { authenticate($0) }
  }

  /// The code of `first` followed by `second`. O(n).
  public func authenticate(
    _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) -> Digest {
    withUnsafePointer(to: state) { state in
      Digest.filled {
        varve_hmac_sha256_authenticate(
          state, first.baseAddress, first.count, second.baseAddress, second.count, $0)
      }
    }
  }

  /// The code of a label's ASCII bytes followed by a digest.
  public func authenticate(_ label: StaticString, _ digest: Digest) -> Digest {
    let label = UnsafeRawBufferPointer(start: label.utf8Start, count: label.utf8CodeUnitCount)
    return digest.withBytes { authenticate(label, $0) }
  }

  /// The code of a label's ASCII bytes followed by one byte.
  public func authenticate(_ label: StaticString, _ byte: UInt8) -> Digest {
    let label = UnsafeRawBufferPointer(start: label.utf8Start, count: label.utf8CodeUnitCount)
    return withUnsafeBytes(of: byte) { authenticate(label, $0) }
  }

  /// The code of one byte.
  public func authenticate(byte: UInt8) -> Digest {
    withUnsafeBytes(of: byte) { authenticate($0) }
  }
}
