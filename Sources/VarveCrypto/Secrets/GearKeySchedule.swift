internal import VarveFormat

/// The chunker's table from its key (docs/format.md, section 6): word *i* is the first 8 bytes,
/// little-endian, of HMAC-SHA256(chunker key, "varve v1 gear" u8(i)).
public enum GearKeySchedule {
  /// The 256 words.
  public static func words(chunkerKey: borrowing SecretBytes) -> [UInt64] {
    let code = HMACSHA256(key: chunkerKey)
    return (0...255).map { index in
      code.authenticate("varve v1 gear", UInt8(index)).prefix64.byteSwapped
    }
  }
}
