/// Which paths of a snapshot are names of one file (docs/format.md, section 10).
///
/// ```
/// link-table := group-count:uvarint group*
/// group      := path-count:uvarint(≥2) (path:string)*
/// ```
/// Paths are relative to the snapshot's root, components joined by `/`; they ascend in a group, and groups
/// ascend by their first path. A snapshot without such files has no table.
public struct LinkTable: Equatable, Sendable {
  /// The longest table, in bytes.
  public static let byteLimit = 1 << 30

  /// Each group's paths, two or more.
  public private(set) var groups: [[[UInt8]]]

  /// - Parameter groups: in any order, each of two paths or more; no path occurs twice.
  public init(groups: [[[UInt8]]]) {
    self.groups =
      groups
      .map { $0.sorted { $0.lexicographicallyPrecedes($1) } }
      .sorted { $0[0].lexicographicallyPrecedes($1[0]) }
  }

  public func encode() -> [UInt8] {
    var writer = ByteWriter()
    writer.uvarint(groups.count)
    for group in groups {
      writer.uvarint(group.count)
      for path in group { writer.lengthPrefixed(path) }
    }
    return writer.bytes
  }

  /// - Throws: `.damaged` unless the table is canonical and every path is made of allowed names.
  public init(decoding bytes: UnsafeRawBufferPointer) throws {
    var reader = ByteReader(bytes, "link table")
    guard bytes.count <= LinkTable.byteLimit else { throw reader.fail("it is too long") }
    // A group takes at least five bytes, so counts are bounded by the bytes there are.
    let groupCount = try reader.count(limit: bytes.count / 5)
    guard groupCount > 0 else { throw reader.fail("it is empty") }
    groups = []
    groups.reserveCapacity(groupCount)
    for _ in 0..<groupCount {
      let pathCount = try reader.count(limit: reader.remaining / 2)
      guard pathCount >= 2 else { throw reader.fail("a group of \(pathCount) paths") }
      var group: [[UInt8]] = []
      group.reserveCapacity(pathCount)
      for _ in 0..<pathCount {
        let path = try reader.lengthPrefixed(limit: reader.remaining)
        guard LinkTable.isValid(path) else { throw reader.fail("a path is not allowed") }
        let ascends = group.last?.withUnsafeBytes { EntryName.precedes($0, path) } ?? true
        guard ascends else { throw reader.fail("paths that do not ascend") }
        group.append(Array(path))
      }
      if let previous = groups.last, !previous[0].lexicographicallyPrecedes(group[0]) {
        throw reader.fail("groups that do not ascend")
      }
      groups.append(group)
    }
    try reader.requireEnd()
  }

  private static func isValid(_ path: UnsafeRawBufferPointer) -> Bool {
    var start = 0
    for index in 0...path.count where index == path.count || path[index] == UInt8(ascii: "/") {
      guard EntryName.isValid(UnsafeRawBufferPointer(rebasing: path[start..<index])) else {
        return false
      }
      start = index + 1
    }
    return true
  }
}
