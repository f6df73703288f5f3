/// Which paths a backup or a restore takes: what the include patterns name (everything when there
/// are none) without what the exclude patterns name.
///
/// Paths are absolute, raw bytes: of the source file system for a backup, from the snapshot's root
/// for a restore. Immutable; ask from any thread.
public struct PathFilter: Sendable {
  /// What to do with one path.
  public struct Decision: Sendable, Equatable {
    /// The path itself is taken.
    public var isSelected: Bool
    /// Something below it may be; meaningless for what is no directory.
    public var looksBelow: Bool

    public init(isSelected: Bool, looksBelow: Bool) {
      self.isSelected = isSelected
      self.looksBelow = looksBelow
    }
  }

  private let excludes: [PatternList]
  private let includes: [PatternList]
  /// Paths that are taken, and directories that lead to them.
  private let only: (paths: Set<[UInt8]>, above: Set<[UInt8]>)?

  /// Compiles patterns; see `PatternList` for the syntax.
  ///
  /// - Throws: `VarveError` with code `usage`, naming the malformed patterns.
  public init(
    excludes: [[UInt8]] = [], caseInsensitiveExcludes: [[UInt8]] = [],
    includes: [[UInt8]] = [], caseInsensitiveIncludes: [[UInt8]] = [],
    only: Set<[UInt8]>? = nil
  ) throws {
    self.only = only.map { (paths: $0, above: Self.directories(above: $0)) }
    self.excludes = [
      try PatternList(excludes), try PatternList(caseInsensitiveExcludes, ignoringCase: true),
    ].filter { !$0.isEmpty }
    self.includes = [
      try PatternList(includes), try PatternList(caseInsensitiveIncludes, ignoringCase: true),
    ].filter { !$0.isEmpty }
  }

  /// Whether every path is taken.
  public var takesEverything: Bool { excludes.isEmpty && includes.isEmpty && only == nil }

  /// Whether an exclude pattern matches `path` or a directory above it; ask this of the paths where
  /// a walk begins.
  public func excludes(_ path: UnsafeRawBufferPointer) -> Bool {
    for list in excludes where list.matches(path) { return true }
    return false
  }

  /// The same answer, faster, for a path whose directory was asked before and is not excluded.
  public func excludesEntry(_ path: UnsafeRawBufferPointer) -> Bool {
    for list in excludes where list.matchesEntry(path) { return true }
    return false
  }

  /// Decides about `path` while a snapshot's tree is walked from its root.
  public func decision(_ path: UnsafeRawBufferPointer) -> Decision {
    if excludes(path) { return Decision(isSelected: false, looksBelow: false) }
    if let only {
      let path = Array(path)
      let decision = Decision(
        isSelected: only.paths.contains(path), looksBelow: only.above.contains(path))
      if includes.isEmpty || decision == Decision(isSelected: false, looksBelow: false) {
        return decision
      }
    }
    if includes.isEmpty { return Decision(isSelected: true, looksBelow: true) }
    var decision = Decision(isSelected: false, looksBelow: false)
    for list in includes {
      let answer = list.match(path)
      decision.isSelected = decision.isSelected || answer.matched
      decision.looksBelow = decision.looksBelow || answer.belowMayMatch
    }
    return decision
  }

  private static func directories(above paths: Set<[UInt8]>) -> Set<[UInt8]> {
    var above: Set<[UInt8]> = []
    for path in paths {
      var rest = path[...]
      while let slash = rest.lastIndex(of: UInt8(ascii: "/")), slash > rest.startIndex {
        rest = rest[..<slash]
        guard above.insert(Array(rest)).inserted else { break }
      }
    }
    return above
  }
}
