import CVarveLinux
import Glibc
package import VarveFormat

/// Where a sparse file has nothing stored.
package enum FileHoles {
  /// More holes than these are read as the zeros they stand for, so that an entry keeps its bound
  /// (docs/format.md, section 9).
  package static let limit = 1_000_000

  /// The holes of an open file within its first `size` bytes, ascending, not touching. None when
  /// the file system cannot tell. Moves the file's position.
  ///
  /// Ask only when `FileStatus.mayHaveHoles`. Two system calls a hole.
  ///
  /// - Returns: 0, or an error number.
  package static func read(
    _ file: Int32, size: UInt64, into holes: inout [Hole]
  ) -> Int32 {
    holes.removeAll(keepingCapacity: true)
    let size = Int64(clamping: size)
    var position: Int64 = 0
    while position < size, holes.count < limit {
      let start = varve_seek_hole(file, position)
      if start == -Int64(EINVAL) || start == -Int64(EOPNOTSUPP) { break }
      // Somebody made the file shorter.
      if start == -Int64(ENXIO) { break }
      guard start >= 0 else { return Int32(-start) }
      guard start < size else { break }
      var end = varve_seek_data(file, start)
      if end == -Int64(ENXIO) { end = size }
      guard end >= 0 else { return Int32(-end) }
      end = min(end, size)
      // Filled in between the two calls.
      if end > start {
        holes.append(Hole(offset: UInt64(start), length: UInt64(end - start)))
      }
      position = max(end, start + 1)
    }
    return 0
  }
}
