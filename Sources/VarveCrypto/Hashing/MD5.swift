internal import Crypto

/// MD5, for protocols that want it as a checksum against accidents (RFC 1864). It protects against nobody.
public enum MD5 {
  /// 16 bytes.
  public static func digest(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var hash = Insecure.MD5()
    hash.update(bufferPointer: bytes)
    return Array(hash.finalize())
  }
}
