internal import COpenSSL
internal import Crypto
internal import VarveFormat

/// HKDF-SHA256 (RFC 5869): extract with `salt`, then expand with `info`.
public enum HKDF {
  /// Bytes that one derivation can give: 255 times 32.
  public static let largestCount = 255 * 32

  /// - Parameter count: bytes to derive, 1 to `largestCount`.
  public static func derive(
    ikm: borrowing SecretBytes, salt: [UInt8], info: [UInt8], count: Int
  ) -> SecretBytes {
    let key = derived(ikm, salt, info, count)
    return SecretBytes(count: count) { secret in
      key.withUnsafeBytes { secret.copyMemory(from: $0) }
    }
  }

  /// The same for what is no secret, such as a key commitment.
  public static func deriveBytes(
    ikm: borrowing SecretBytes, salt: [UInt8], info: [UInt8], count: Int
  ) -> [UInt8] {
    derived(ikm, salt, info, count).withUnsafeBytes { [UInt8]($0) }
  }

  private static func derived(
    _ ikm: borrowing SecretBytes, _ salt: [UInt8], _ info: [UInt8], _ count: Int
  ) -> SymmetricKey {
    precondition((1...largestCount).contains(count), "HKDF cannot give \(count) bytes")
    return Crypto.HKDF<Crypto.SHA256>.deriveKey(
      inputKeyMaterial: ikm.withUnsafeBytes { SymmetricKey(data: $0) }, salt: salt, info: info,
      outputByteCount: count)
  }
}

/// The second step of HKDF-SHA256, for many keys of 32 bytes that follow from one secret: each takes two to four
/// compressions and no allocation. One thread at a time.
public final class HKDFExpansion {
  private var state = varve_hmac_sha256()

  public init(ikm: borrowing SecretBytes, salt: [UInt8]) {
    var key = ikm.withUnsafeBytes { ikm in
      salt.withUnsafeBytes { HMACSHA256(key: $0) }.authenticate(ikm)
    }
    withUnsafeMutableBytes(of: &key) { key in
      // The words of a digest are in the order of its bytes, not in that of this machine.
      withUnsafeTemporaryAllocation(byteCount: Digest.byteCount, alignment: 8) { bytes in
        guard let base = bytes.baseAddress else { return }
        key.load(as: Digest.self).store(to: base)
        varve_hmac_sha256_init(&state, base, bytes.count)
        OPENSSL_cleanse(base, bytes.count)
      }
      OPENSSL_cleanse(key.baseAddress, key.count)
    }
  }

  deinit { OPENSSL_cleanse(&state, MemoryLayout<varve_hmac_sha256>.size) }

  /// Lends `HKDF-Expand(key, info, 32)` to `body`; the bytes are zeroed after it.
  public func withKey<Result>(
    info: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try withUnsafeTemporaryAllocation(byteCount: Digest.byteCount, alignment: 8) { key in
      defer { OPENSSL_cleanse(key.baseAddress, key.count) }
      let counter: UInt8 = 1
      withUnsafeBytes(of: counter) { counter in
        varve_hmac_sha256_authenticate(
          &state, info.baseAddress, info.count, counter.baseAddress, counter.count,
          key.baseAddress!.assumingMemoryBound(to: UInt8.self))
      }
      return try body(UnsafeRawBufferPointer(key))
    }
  }
}
