internal import Glibc
public import VarveFormat

/// Random bytes from the kernel, fit for keys, salts and nonces.
public enum SecureRandom {
  // More is refused by getentropy(3).
  private static let largestRequest = 256

  /// Fills `buffer`. Waits, early in boot, until the kernel has collected enough entropy.
  public static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
    var offset = 0
    while offset < buffer.count {
      let count = min(largestRequest, buffer.count - offset)
      let result = getentropy(buffer.baseAddress! + offset, count)
      // Going on without randomness would give away keys.
      precondition(result == 0, "the system gives no random bytes")
      offset += count
    }
  }

  public static func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      fill(UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count))
      initialized = count
    }
  }

  /// 32 bytes, such as a salt.
  public static func digest() -> Digest {
    withUnsafeTemporaryAllocation(byteCount: Digest.byteCount, alignment: 8) { buffer in
      fill(buffer)
      return Digest(loading: UnsafeRawPointer(buffer.baseAddress!))
    }
  }

  public static func secret(_ count: Int) -> SecretBytes {
    SecretBytes(count: count) { fill($0) }
  }
}
