internal import COpenSSL
public import VarveFormat

/// scrypt (RFC 7914): a key from a password, at a price in memory (128 * n * r bytes) and time.
public enum Scrypt {
  /// Powers of two up to this; with `r` = 8 that is 1 GiB of memory.
  public static let largestN = 1 << 20

  /// - Parameters:
  ///   - password: its bytes as typed, without a line end.
  ///   - n: cost in memory and time: a power of two, 2 to `largestN`.
  ///   - r: block size, 1 to 8.
  ///   - p: how many times over, 1 to 16.
  ///   - count: bytes to derive, 1 to 1,024.
  /// - Throws: `VarveError.Code.damaged` for parameters out of bounds (they come from storage),
  ///   `io` when the memory is not to be had.
  public static func derive(
    password: borrowing SecretBytes, salt: [UInt8], n: Int, r: Int, p: Int, count: Int
  ) throws(VarveError) -> SecretBytes {
    guard (2...largestN).contains(n), n & (n - 1) == 0, (1...8).contains(r), (1...16).contains(p),
      (1...1024).contains(count)
    else {
      throw VarveError(.damaged, "scrypt parameters n=\(n) r=\(r) p=\(p) are out of bounds")
    }
    let memory = 128 * r * (n + p + 2) + 4096
    return try SecretBytes(count: count) { (output) throws(VarveError) in
      let result = password.withUnsafeBytes { password in
        EVP_PBE_scrypt(
          password.baseAddress, password.count, salt, salt.count, UInt64(n), UInt64(r), UInt64(p),
          UInt64(memory), output.baseAddress, count)
      }
      guard result == 1 else {
        throw VarveError(
          .io, "scrypt failed; it needs \(memory >> 20) MiB of memory",
          hint: "free some memory, or use a key file")
      }
    }
  }
}
