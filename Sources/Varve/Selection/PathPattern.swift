// One exclude or include pattern in restic's syntax.
//
//   pattern  := ["!"] path            a leading `!` takes an earlier match of the list back
//   path     := component ("/" component)*     made clean first; absolute when it begins with "/"
//   component:= "**" | wildcards of ComponentPattern
//
// An absolute pattern is compared with the path's beginning, any other with every run of components;
// a path below one that matches, matches. `**` stands for any number of components, none included.
//
// How `**` is bounded: restic replaces the `**` from left to right by 0, 1, 2 … `*`, and after each
// replacement the pattern, with every `**` that is left counted once, may not have more components
// than the path. With one `**` that bound says nothing; with several it decides some corner cases
// (`/**/x/**` matches below `/a/b/x`, but not that path itself), and so it is kept here. Each run of
// components between two `**` is taken where it first fits, which consumes least and so meets every
// bound that can be met.

/// A compiled pattern over whole paths of raw bytes.
struct PathPattern: Sendable {
  let isNegated: Bool
  let isAbsolute: Bool
  /// The components between `**`s, the leading `/` of an absolute pattern left out.
  private let runs: [[ComponentPattern]]
  /// Components without the `**`s, with the leading `/`.
  private let fixedCount: Int

  /// Nil when malformed; `text` must not be empty.
  init?(_ text: [UInt8]) {
    isNegated = text.first == UInt8(ascii: "!")
    let slash = UInt8(ascii: "/")
    let clean = CleanPath.clean(text.dropFirst(isNegated ? 1 : 0))
    isAbsolute = clean.first == slash
    var runs: [[ComponentPattern]] = [[]]
    let parts =
      clean == [slash]
      ? [clean[1...]]
      : clean.split(separator: slash)
    for part in parts {
      if part.elementsEqual("**".utf8) {
        runs.append([])
      } else {
        guard let component = ComponentPattern(part) else { return nil }
        runs[runs.count - 1].append(component)
      }
    }
    self.runs = runs
    fixedCount = runs.reduce(isAbsolute ? 1 : 0) { $0 + $1.count }
  }

  /// The only component of a relative pattern without `**`.
  var singleName: ComponentPattern? {
    !isAbsolute && runs.count == 1 && runs[0].count == 1 ? runs[0][0] : nil
  }

  /// The path that an absolute pattern without any wildcard names.
  var literalPath: [UInt8]? {
    guard isAbsolute, runs.count == 1 else { return nil }
    var out: [UInt8] = []
    for component in runs[0] {
      guard let literal = component.literal else { return nil }
      out.append(UInt8(ascii: "/"))
      out.append(contentsOf: literal)
    }
    return out
  }

  /// Whether `path`, or a directory above it, matches (negation aside).
  func matches(_ path: SplitPath) -> Bool {
    if isAbsolute {
      return path.isAbsolute && matches(path, from: 1)
    }
    let first = path.isAbsolute ? 1 : 0
    if fixedCount == 0 {
      // Nothing but `**`: it stands for one component or more.
      return path.count > first && runs.count - 2 <= path.count
    }
    if runs.count == 1 {
      var start = path.count - runs[0].count
      while start >= first {
        if fits(runs[0], path, start) { return true }
        start -= 1
      }
      return false
    }
    for start in first..<max(first, path.count) where matches(path, from: start) { return true }
    return false
  }

  /// As `matches`, for a path above which nothing matches: a match must end at the last component.
  func matchesEnd(_ path: SplitPath) -> Bool {
    guard runs.count == 1 else { return matches(path) }
    if isAbsolute {
      return path.isAbsolute && path.count == runs[0].count + 1 && fits(runs[0], path, 1)
    }
    let start = path.count - runs[0].count
    return start >= (path.isAbsolute ? 1 : 0) && fits(runs[0], path, start)
  }

  /// Whether a path below `path` can match (negation aside).
  func mayMatchBelow(_ path: SplitPath) -> Bool {
    guard isAbsolute else { return true }
    guard path.isAbsolute else { return false }
    let known = min(path.count - 1, runs[0].count)
    for index in 0..<known where !runs[0][index].matches(path.component(index + 1)) {
      return false
    }
    return true
  }

  /// Whether the runs fit, the first exactly at component `start`.
  private func matches(_ path: SplitPath, from start: Int) -> Bool {
    guard fits(runs[0], path, start) else { return false }
    var position = start + runs[0].count
    var skipped = 0
    for index in 1..<max(1, runs.count) {
      let left = runs.count - 1 - index
      while true {
        guard fixedCount + skipped + left <= path.count else { return false }
        if fits(runs[index], path, position) { break }
        position += 1
        skipped += 1
      }
      position += runs[index].count
    }
    return true
  }

  @inline(__always)
  private func fits(_ run: [ComponentPattern], _ path: SplitPath, _ start: Int) -> Bool {
    guard start >= 0, start + run.count <= path.count else { return false }
    var index = run.count
    while index > 0 {
      index -= 1
      if !run[index].matches(path.component(start + index)) { return false }
    }
    return true
  }
}
