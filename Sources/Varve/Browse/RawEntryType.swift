package import VarveFormat

extension RawTreeEntry {
  /// The entry's type, without decoding the rest.
  ///
  /// - Throws: `.damaged` when there is none.
  package func type() throws -> EntryType {
    var reader = ByteReader(body, "tree entry")
    _ = try reader.lengthPrefixed(limit: TreeLimits.nameByteCount)
    guard let type = EntryType(rawValue: try reader.u8()) else {
      throw reader.fail("an unknown type")
    }
    return type
  }
}
