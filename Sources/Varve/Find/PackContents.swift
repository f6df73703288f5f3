public import VarveFormat
public import VarveRepository

/// What lies in packs, by the index.
public enum PackContents {
  /// The addresses of all chunks and nodes in the live packs whose names begin with one of `prefixes`.
  ///
  /// - Parameter prefixes: hexadecimal digits.
  /// - Throws: `.usage` for what is no id, `.notFound` when no pack has such a name, `.damaged` when an
  ///   index segment is. O(rows of the tables that know such a pack).
  public static func addresses(
    inPacks prefixes: [String], of index: ChunkIndex
  ) throws -> Set<Digest> {
    var missing = try prefixes.map { (text: $0, prefix: try HexPrefixes([$0])) }
    let wanted = try HexPrefixes(prefixes)
    var addresses: Set<Digest> = []
    for table in index.list {
      var rows: Set<UInt32> = []
      for number in 0..<table.packCount {
        let name = try table.pack(at: number).name
        guard wanted.contains(name), table.isLive(pack: number) else { continue }
        rows.insert(UInt32(number))
        missing.removeAll { $0.prefix.contains(name) }
      }
      guard !rows.isEmpty else { continue }
      table.forEachRow { row in
        if rows.contains(row.location.pack) { addresses.insert(row.address) }
      }
    }
    guard missing.isEmpty else {
      throw VarveError(
        .notFound, "the index knows no pack \(missing.map(\.text).joined(separator: ", "))")
    }
    return addresses
  }
}
