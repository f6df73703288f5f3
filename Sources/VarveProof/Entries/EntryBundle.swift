import VarveFormat

/// A C2SP tlog-tiles entry bundle: for each entry its length as big-endian u16, then its bytes.
/// A log commit has the same form (docs/format.md, section 12).
public enum EntryBundle {
  /// Entries in a full bundle.
  public static let width = 256
  public static let largestEntry = 65_535

  /// - Throws: `VarveError.Code.usage` for an entry of more than 65,535 bytes.
  public static func encode(_ entries: some Sequence<[UInt8]>) throws -> [UInt8] {
    var out: [UInt8] = []
    for entry in entries {
      guard let length = UInt16(exactly: entry.count) else {
        throw VarveError(.usage, "a log entry of \(entry.count) bytes does not fit into a bundle")
      }
      out.append(UInt8(truncatingIfNeeded: length >> 8))
      out.append(UInt8(truncatingIfNeeded: length))
      out.append(contentsOf: entry)
    }
    return out
  }

  /// The entries of a bundle that has at most `limit` of them.
  ///
  /// - Throws: `VarveError.Code.damaged`. O(n).
  public static func entries(
    of bytes: [UInt8], limit: Int = width, _ what: String
  ) throws -> [[UInt8]] {
    var entries: [[UInt8]] = []
    var offset = 0
    while offset < bytes.count {
      guard bytes.count - offset >= 2 else {
        throw VarveError(.damaged, "\(what) is damaged: it ends within an entry's length")
      }
      let length = Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
      offset += 2
      guard bytes.count - offset >= length else {
        throw VarveError(.damaged, "\(what) is damaged: it ends within an entry")
      }
      guard entries.count < limit else {
        throw VarveError(.damaged, "\(what) is damaged: it has more than \(limit) entries")
      }
      entries.append(Array(bytes[offset..<offset + length]))
      offset += length
    }
    return entries
  }
}
