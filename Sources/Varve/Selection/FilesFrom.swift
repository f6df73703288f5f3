import VarveFormat

/// The lists of paths that `--files-from` and its variants name.
public enum FilesFrom {
  /// One glob pattern a line (`--files-from`): white space around it dropped, empty lines and lines
  /// that begin with `#` ignored; each is replaced by the paths that exist and match, sorted.
  ///
  /// - Parameter unmatched: called with each pattern that matches nothing.
  /// - Throws: `VarveError`: `io` when the list cannot be read, `usage` for a malformed pattern.
  public static func patterns(
    at path: [UInt8], unmatched: ([UInt8]) -> Void
  ) throws -> [[UInt8]] {
    try patterns(in: try ListFile.text(at: path), unmatched: unmatched)
  }

  package static func patterns(in text: [UInt8], unmatched: ([UInt8]) -> Void) throws -> [[UInt8]] {
    var paths: [[UInt8]] = []
    for line in ListFile.lines(text) {
      let pattern = Array(ListFile.trimmed(line))
      guard let first = pattern.first, first != UInt8(ascii: "#") else { continue }
      let found = try PathGlob.paths(matching: pattern)
      if found.isEmpty { unmatched(pattern) }
      paths.append(contentsOf: found)
    }
    return paths
  }

  /// One path a line, as it stands (`--files-from-verbatim`); empty lines are ignored.
  ///
  /// - Throws: `VarveError` with code `io` when the list cannot be read.
  public static func lines(at path: [UInt8]) throws -> [[UInt8]] {
    lines(in: try ListFile.text(at: path))
  }

  package static func lines(in text: [UInt8]) -> [[UInt8]] {
    ListFile.lines(text).filter { !$0.isEmpty }.map(Array.init)
  }

  /// Paths that each end with a NUL byte (`--files-from-raw`), as `find -print0` writes them.
  ///
  /// - Throws: `VarveError`: `io` when the list cannot be read, `usage` when a path is empty or the
  ///   last one has no NUL.
  public static func raw(at path: [UInt8]) throws -> [[UInt8]] {
    try raw(in: try ListFile.contents(at: path))
  }

  package static func raw(in bytes: [UInt8]) throws -> [[UInt8]] {
    guard let last = bytes.last else { return [] }
    guard last == 0 else {
      throw VarveError(
        .usage, "the list of raw names does not end with a NUL byte",
        hint: "write it with find -print0")
    }
    let names = bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false)
    guard !names.contains(where: \.isEmpty) else {
      throw VarveError(.usage, "the list of raw names has an empty name")
    }
    return names.map(Array.init)
  }
}
