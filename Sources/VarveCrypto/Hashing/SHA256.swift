internal import COpenSSL
public import VarveFormat

/// SHA-256 (FIPS 180-4) of bytes that are all at hand. Nothing is allocated.
public enum SHA256 {
  /// The digest of `bytes`. O(n).
  public static func digest(_ bytes: UnsafeRawBufferPointer) -> Digest {
    digest(bytes, UnsafeRawBufferPointer(start: nil, count: 0))
  }

  /// The digest of `bytes`. O(n).
  public static func digest(_ bytes: [UInt8]) -> Digest {
    bytes.withUnsafeBytes { digest($0) }
  }

  /// The digest of `first` followed by `second`. O(n).
  public static func digest(
    _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) -> Digest {
    Digest.filled {
      varve_sha256(first.baseAddress, first.count, second.baseAddress, second.count, $0)
    }
  }

  /// The digest of one byte followed by `bytes`: an RFC 6962 leaf hash when the byte is zero.
  public static func digest(prefix: UInt8, _ bytes: UnsafeRawBufferPointer) -> Digest {
    withUnsafeBytes(of: prefix) { digest($0, bytes) }
  }

  /// The digest of one byte followed by two digests: an RFC 6962 node hash when the byte is one.
  public static func digest(prefix: UInt8, _ left: Digest, _ right: Digest) -> Digest {
    withUnsafeTemporaryAllocation(byteCount: 1 + 2 * Digest.byteCount, alignment: 8) { buffer in
      let start = buffer.baseAddress!
      start.storeBytes(of: prefix, as: UInt8.self)
      left.store(to: start + 1)
      right.store(to: start + 1 + Digest.byteCount)
      return digest(UnsafeRawBufferPointer(buffer))
    }
  }
}

extension Digest {
  /// The digest whose 32 bytes `body` writes.
  static func filled(_ body: (UnsafeMutablePointer<UInt8>) -> Void) -> Digest {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Digest.byteCount) { buffer in
      let start = buffer.baseAddress!
      body(start)
      return Digest(loading: start)
    }
  }

  /// Passes the 32 bytes, on the stack, to `body`.
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    withUnsafeTemporaryAllocation(byteCount: Digest.byteCount, alignment: 8) { buffer in
      store(to: buffer.baseAddress!)
      return body(UnsafeRawBufferPointer(buffer))
    }
  }
}
