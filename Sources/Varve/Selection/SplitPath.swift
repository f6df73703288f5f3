/// A path with the bounds of its components, borrowed for one round of matching.
///
/// As restic has it, an absolute path's first component is `/` itself, and a path that ends with a
/// slash has an empty last component.
struct SplitPath {
  let bytes: UnsafeRawBufferPointer
  let ends: UnsafeBufferPointer<Int>
  let isAbsolute: Bool

  /// Components, the leading `/` included.
  var count: Int { ends.count }

  /// The component at `index`; for `/` of an absolute path, that one byte.
  @inline(__always)
  func component(_ index: Int) -> UnsafeRawBufferPointer {
    if index == 0 {
      return UnsafeRawBufferPointer(rebasing: bytes[0..<(isAbsolute ? 1 : ends[0])])
    }
    return UnsafeRawBufferPointer(rebasing: bytes[(ends[index - 1] + 1)..<ends[index]])
  }

  /// Splits `path`, which must not be empty. O(path), without heap allocation for usual lengths.
  static func with<T>(
    _ path: UnsafeRawBufferPointer, _ body: (SplitPath) throws -> T
  ) rethrows -> T {
    let slash = UInt8(ascii: "/")
    var count = 1
    for byte in path where byte == slash { count += 1 }
    return try withUnsafeTemporaryAllocation(of: Int.self, capacity: count) { ends in
      var index = 0
      for position in 0..<path.count where path[position] == slash {
        ends[index] = position
        index += 1
      }
      ends[index] = path.count
      return try body(
        SplitPath(
          bytes: path, ends: UnsafeBufferPointer(ends), isAbsolute: path.first == slash))
    }
  }
}
