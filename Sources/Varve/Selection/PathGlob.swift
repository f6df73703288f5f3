import Glibc
import VarveFormat

/// Paths of the file system that match a pattern: Go's filepath.Glob on raw bytes, so hidden names
/// match wildcards like any other, `**` means `*`, and directories that cannot be read are passed by.
enum PathGlob {
  private static let slash = UInt8(ascii: "/")

  /// The existing paths that match `pattern`, sorted within each directory.
  ///
  /// - Throws: `VarveError` with code `usage` when the pattern is malformed.
  static func paths(matching pattern: [UInt8]) throws -> [[UInt8]] {
    guard hasWildcard(pattern) else { return exists(pattern) ? [pattern] : [] }
    let cut = pattern.lastIndex(of: slash).map { $0 + 1 } ?? 0
    guard let name = ComponentPattern(pattern[cut...]) else {
      throw VarveError(
        .usage, "malformed pattern \"\(EscapedBytes.text(pattern))\"",
        hint: "close every [ with ], and give both bounds of a range")
    }
    let directory = directory(of: pattern[..<cut])
    let directories = hasWildcard(directory) ? try paths(matching: directory) : [directory]
    var found: [[UInt8]] = []
    for directory in directories {
      for entry in names(in: directory) where entry.withUnsafeBytes({ name.matches($0) }) {
        found.append(CleanPath.clean(directory + [slash] + entry))
      }
    }
    return found
  }

  private static func directory(of prefix: ArraySlice<UInt8>) -> [UInt8] {
    switch prefix.count {
    case 0: [UInt8(ascii: ".")]
    case 1: Array(prefix)
    default: Array(prefix.dropLast())
    }
  }

  private static func hasWildcard(_ pattern: [UInt8]) -> Bool {
    pattern.contains { "*?[\\".utf8.contains($0) }
  }

  private static func exists(_ path: [UInt8]) -> Bool {
    var status = stat()
    return lstat(path.map { CChar(bitPattern: $0) } + [0], &status) == 0
  }

  private static func names(in directory: [UInt8]) -> [[UInt8]] {
    guard let stream = opendir(directory.map { CChar(bitPattern: $0) } + [0]) else { return [] }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        tuple.withMemoryRebound(to: UInt8.self, capacity: 256) { bytes in
          Array(UnsafeBufferPointer(start: bytes, count: strnlen(tuple, 256)))
        }
      }
      if name != [UInt8(ascii: ".")] && name != Array("..".utf8) { names.append(name) }
    }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }
}
