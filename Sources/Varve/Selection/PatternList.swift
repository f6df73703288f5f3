import VarveFormat

/// A compiled list of exclude or include patterns in restic's syntax; later patterns win.
///
/// A pattern without a leading `/` matches at any depth, one with it from the root; `*`, `?` and
/// `[a-z]` stay within a component, `**` spans any number of them; a match of a directory covers
/// everything below it; a leading `!` takes earlier matches back. Paths are raw bytes. Compile once,
/// then ask from any thread.
public struct PatternList: Sendable {
  private let patterns: [PathPattern]
  private let ignoringCase: Bool
  private let hasNegation: Bool
  // What `matchesEntry` asks first: no need to split the path for these.
  private let names: [ComponentPattern]
  private let literalPaths: [[UInt8]]
  private let others: [PathPattern]

  /// Compiles `texts`; empty ones are ignored.
  ///
  /// - Parameter ignoringCase: compare in lower case, patterns and paths alike.
  /// - Throws: `VarveError` with code `usage`, naming every malformed pattern.
  public init(_ texts: [[UInt8]], ignoringCase: Bool = false) throws {
    var compiled: [PathPattern] = []
    var malformed: [[UInt8]] = []
    for text in texts where !text.isEmpty {
      if let pattern = PathPattern(ignoringCase ? CaseFolding.lower(text) : text) {
        compiled.append(pattern)
      } else {
        malformed.append(text)
      }
    }
    guard malformed.isEmpty else {
      let names = malformed.map { "\"\(EscapedBytes.text($0))\"" }.joined(separator: ", ")
      throw VarveError(
        .usage, "malformed pattern \(names)",
        hint: "close every [ with ], give both bounds of a range, and write \\\\ for a backslash")
    }
    patterns = compiled
    self.ignoringCase = ignoringCase
    hasNegation = compiled.contains(where: \.isNegated)
    var names: [ComponentPattern] = []
    var literalPaths: [[UInt8]] = []
    var others: [PathPattern] = []
    for pattern in compiled {
      if let name = pattern.singleName {
        names.append(name)
      } else if let path = pattern.literalPath {
        literalPaths.append(path)
      } else {
        others.append(pattern)
      }
    }
    self.names = names
    self.literalPaths = literalPaths
    self.others = others
  }

  /// Whether one component decides, wherever it lies: every pattern is a single name.
  package var dependsOnNamesOnly: Bool { names.count == patterns.count }

  /// Whether there is no pattern.
  public var isEmpty: Bool { patterns.isEmpty }

  /// Whether `path`, or a directory above it, matches. O(patterns × components).
  public func matches(_ path: UnsafeRawBufferPointer) -> Bool {
    guard !patterns.isEmpty, !path.isEmpty else { return false }
    return folded(path) { path in
      SplitPath.with(path) { split in
        var matched = false
        for pattern in patterns where pattern.isNegated == matched {
          if pattern.matches(split) {
            matched = !pattern.isNegated
            if !hasNegation { return true }
          }
        }
        return matched
      }
    }
  }

  /// The same answer as `matches`, faster, for a path whose directory was asked before and did not
  /// match: what is left to see is whether a pattern ends at the last component.
  public func matchesEntry(_ path: UnsafeRawBufferPointer) -> Bool {
    guard !patterns.isEmpty, !path.isEmpty else { return false }
    guard !hasNegation else { return matches(path) }
    return folded(path) { path in
      if !names.isEmpty {
        var start = path.count
        while start > 0, path[start - 1] != UInt8(ascii: "/") { start -= 1 }
        let name = UnsafeRawBufferPointer(rebasing: path[start...])
        for pattern in names where pattern.matches(name) { return true }
      }
      for literal in literalPaths
      where literal.count == path.count && literal.withUnsafeBytes({ $0.elementsEqual(path) }) {
        return true
      }
      guard !others.isEmpty else { return false }
      return SplitPath.with(path) { split in
        others.contains { $0.matchesEnd(split) }
      }
    }
  }

  /// Whether `path` matches, and whether something below it may: what an include filter needs to
  /// know which directories to look into.
  public func match(_ path: UnsafeRawBufferPointer) -> (matched: Bool, belowMayMatch: Bool) {
    guard !patterns.isEmpty, !path.isEmpty else { return (false, false) }
    return folded(path) { path in
      SplitPath.with(path) { split in
        var matched = false
        var belowMayMatch = false
        for pattern in patterns {
          let matches = pattern.matches(split)
          if pattern.isNegated {
            matched = matched && !matches
            belowMayMatch = belowMayMatch && !matches
          } else {
            matched = matched || matches
            belowMayMatch = belowMayMatch || pattern.mayMatchBelow(split)
            if matched && belowMayMatch && !hasNegation { break }
          }
        }
        return (matched, belowMayMatch)
      }
    }
  }

  @inline(__always)
  private func folded<T>(
    _ path: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> T
  ) -> T {
    guard ignoringCase else { return body(path) }
    return CaseFolding.lower(path).withUnsafeBytes(body)
  }
}

extension PatternList {
  /// Whether `path`, or a directory above it, matches.
  public func matches(_ path: [UInt8]) -> Bool { path.withUnsafeBytes { matches($0) } }

  /// Whether `path` matches, and whether something below it may.
  public func match(_ path: [UInt8]) -> (matched: Bool, belowMayMatch: Bool) {
    path.withUnsafeBytes { match($0) }
  }
}
