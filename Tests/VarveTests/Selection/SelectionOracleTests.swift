import Glibc
import Testing
import Varve

/// Compares `PatternList` on seeded random patterns and paths with a slow and literal reading of the
/// definition: `**` is replaced from left to right by 0, 1, 2 … `*`, components go through fnmatch(3).
@Suite struct SelectionOracleTests {
  struct Generator {
    var state: UInt64
    mutating func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    mutating func pick(_ options: [String]) -> String { options[next(options.count)] }
    mutating func join(_ options: [String], count: Int) -> String {
      (0..<count).map { _ in pick(options) }.joined(separator: "/")
    }
  }

  static func matches(_ pattern: [String], _ path: [String]) -> Bool {
    if let star = pattern.firstIndex(of: "**") {
      for count in stride(from: 0, through: path.count - pattern.count + 1, by: 1) {
        let expanded =
          pattern[..<star] + Array(repeating: "*", count: count) + pattern[(star + 1)...]
        if matches(Array(expanded), path) { return true }
      }
      return false
    }
    guard !pattern.isEmpty, pattern.count <= path.count else { return false }
    let last = pattern[0] == "/" ? 0 : path.count - pattern.count
    let first = pattern[0] != "/" && path[0] == "/" ? 1 : 0
    return (first...max(first, last)).contains { start in
      start <= last
        && zip(pattern, path[start...]).allSatisfy { part, name in
          part == "/" || name == "/" ? part == name : fnmatch(part, name, 0) == 0
        }
    }
  }

  static func split(_ text: String) -> [String] {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    return parts[0].isEmpty ? ["/"] + parts.dropFirst() : parts
  }

  @Test func singlePatterns() throws {
    var generator = Generator(state: 1)
    let components = ["a", "b", "ab", "*", "a*", "*b", "?", "[ab]", "**", "**", "*a*b"]
    var matched = 0
    for _ in 0..<40_000 {
      let pattern =
        generator.pick(["", "/"]) + generator.join(components, count: 1 + generator.next(4))
      let path =
        generator.pick(["/", "/", ""])
        + generator.join(["a", "b", "ab", "ba", "aab"], count: 1 + generator.next(5))
      let expected = Self.matches(Self.split(pattern), Self.split(path))
      matched += expected ? 1 : 0
      let list = try PatternList([Array(pattern.utf8)])
      guard list.matches(Array(path.utf8)) == expected else {
        Issue.record("\(pattern) against \(path): expected \(expected)")
        return
      }
    }
    #expect((8_000...32_000).contains(matched))
  }

  /// `matchesEntry` may only be asked below what did not match; there it must agree with `matches`.
  @Test func entriesOfAWalk() throws {
    var generator = Generator(state: 2)
    let components = ["a", "b", "ab", "*b", "a*", "[ab]", "?a", "**"]
    var compared = 0
    for _ in 0..<4_000 {
      let patterns = (0..<(1 + generator.next(3))).map { _ in
        generator.pick(["", "", "!"]) + generator.pick(["", "/"])
          + generator.join(components, count: 1 + generator.next(3))
      }
      let list = try PatternList(patterns.map { Array($0.utf8) })
      for _ in 0..<8 {
        let names = (0..<5).map { _ in generator.pick(["a", "b", "ab", "ba", "c"]) }
        for depth in 1...5 {
          let path = Array(("/" + names.prefix(depth).joined(separator: "/")).utf8)
          let expected = list.matches(path)
          guard path.withUnsafeBytes({ list.matchesEntry($0) }) == expected else {
            Issue.record("\(patterns) against \(names.prefix(depth))")
            return
          }
          compared += 1
          if expected { break }
        }
      }
    }
    #expect(compared > 40_000)
  }
}
