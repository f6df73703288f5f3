internal import Crypto

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
