public import VarveFormat

/// Finds paths by pattern and modification time in one snapshot after another, newest or oldest
/// first as the caller likes.
public final class PathFinder {
  private let patterns: [PatternList]
  private let matchesEverything: Bool
  private let oldest: FileTime?
  private let newest: FileTime?
  private var barren: BarrenSubtrees

  /// - Throws: `.usage` for a malformed pattern.
  public init(
    patterns texts: [[UInt8]], ignoringCase: Bool = false, oldest: FileTime? = nil,
    newest: FileTime? = nil
  ) throws {
    guard oldest.flatMap({ oldest in newest.map { oldest <= $0 } }) ?? true else {
      throw VarveError(.usage, "the oldest time to look for comes after the newest")
    }
    for text in texts where text.first == UInt8(ascii: "!") {
      throw VarveError(
        .usage, "a pattern to find cannot begin with !", hint: "write \\! for the character")
    }
    patterns = try texts.map { try PatternList([$0], ignoringCase: ignoringCase) }
    matchesEverything = texts.contains { $0.isEmpty }
    self.oldest = oldest
    self.newest = newest
    barren = BarrenSubtrees(dependsOnPath: !patterns.allSatisfy(\.dependsOnNamesOnly))
  }

  /// Searches one snapshot.
  ///
  /// - Parameter body: called with each match, depth first in the order of names.
  /// - Throws: `.damaged`, `.missing`, and what `body` throws. Memory is flat but for the subtrees
  ///   remembered to hold no match: at most 86 MB, at 10^6 directories.
  public func search(
    _ snapshot: Digest, _ root: DirectoryContent, from source: some ChunkSource,
    _ body: (FoundPath) throws -> Void
  ) throws {
    guard !barren.contains(root.id, at: []) else { return }
    let walk = try TreeWalk(root, from: source)
    // Matches so far when each directory that is open now was entered.
    var matchesAtEntry = [0]
    var matches = 0
    while let step = try walk.next() {
      switch step {
      case .left(let id):
        if matchesAtEntry.popLast() == matches { barren.insert(id, at: walk.path) }
      case .entry(let raw):
        let answer = answer(walk.path)
        let isDirectory = try raw.type() == .directory
        guard answer.matched || (isDirectory && answer.belowMayMatch) else { continue }
        let entry = try raw.decode()
        if answer.matched && isInTime(entry.attributes.modified) {
          matches += 1
          try body(FoundPath(snapshot: snapshot, path: walk.path, entry: entry))
        }
        // Nothing below was found while names did not match; where a directory above does match, the
        // names below do not matter any more.
        if answer.belowMayMatch, case .directory(let content) = entry.content,
          answer.matched || !barren.contains(content.id, at: walk.path)
        {
          try walk.enter(content)
          matchesAtEntry.append(matches)
        }
      }
    }
  }

  private func answer(_ path: [UInt8]) -> (matched: Bool, belowMayMatch: Bool) {
    if matchesEverything { return (true, true) }
    var answer = (matched: false, belowMayMatch: false)
    for pattern in patterns {
      let one = pattern.match(path)
      answer.matched = answer.matched || one.matched
      answer.belowMayMatch = answer.belowMayMatch || one.belowMayMatch
    }
    return answer
  }

  private func isInTime(_ time: FileTime) -> Bool {
    if let oldest, time < oldest { return false }
    if let newest, time > newest { return false }
    return true
  }
}
