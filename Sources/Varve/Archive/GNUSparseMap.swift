/// Sparse files in GNU's pax format 1.0: the member's data begins with a map, decimal numbers that
/// each end with a line feed, padded with zeros to whole blocks.
///
///   map := count (offset length)*        a hole at the end is closed by an extent of length 0
///
/// Readers disagree about an extent that does not fill its last block (GNU tar goes on with the next
/// block, others with the next byte), so all but the last extent have to be whole blocks.
enum GNUSparseMap {
  static func encode(_ extents: [TarMember.Extent], size: UInt64) -> [UInt8] {
    let end = extents.last.map { $0.offset &+ $0.length } ?? 0
    var map: [UInt8] = []
    append(UInt64(extents.count + (end < size ? 1 : 0)), to: &map)
    for extent in extents {
      append(extent.offset, to: &map)
      append(extent.length, to: &map)
    }
    if end < size {
      append(size, to: &map)
      append(0, to: &map)
    }
    map.append(contentsOf: repeatElement(0, count: TarHeader.padding(after: UInt64(map.count))))
    return map
  }

  static func addRecords(path: [UInt8], size: UInt64, to records: inout PaxRecords) {
    records.add("GNU.sparse.major", [UInt8(ascii: "1")])
    records.add("GNU.sparse.minor", [UInt8(ascii: "0")])
    records.add("GNU.sparse.name", path)
    records.add("GNU.sparse.realsize", Array(String(size).utf8))
  }

  /// The name that a reader which does not know the format gives to the map and data.
  static func placeholder(for path: [UInt8]) -> [UInt8] {
    let cut = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
    return Array(path[..<cut]) + Array("GNUSparseFile.0/".utf8) + Array(path[cut...])
  }

  private static func append(_ number: UInt64, to map: inout [UInt8]) {
    map.append(contentsOf: String(number).utf8)
    map.append(UInt8(ascii: "\n"))
  }
}
