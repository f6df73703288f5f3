import Glibc
import Testing
import Varve
import VarveFormat

@Suite struct SelectionPatternTests {
  struct Row: CustomTestStringConvertible {
    let patterns: [String]
    let path: String
    let matches: Bool
    var below = true
    var testDescription: String { "\(patterns) against \(path)" }
  }

  static func yes(_ pattern: String, _ path: String) -> Row {
    Row(patterns: [pattern], path: path, matches: true)
  }
  static func no(_ pattern: String, _ path: String) -> Row {
    Row(patterns: [pattern], path: path, matches: false)
  }

  static let names: [Row] = [
    yes("*.log", "/var/app/today.log"), no("*.txt", "/var/app/today.log"),
    yes("app", "/var/app"), yes("app", "/var/app/data/x"), no("ap", "/var/app"),
    yes("app*", "/var/application/x"), yes("*", "/var"), no("App", "/var/app"),
    yes("t?day.log", "/var/today.log"), no("t?day.log", "/var/tday.log"),
    yes("[st]oday*", "/var/today.log"), no("[^st]oday*", "/var/today.log"),
    yes("[^a-m]*", "/x/nine"), no("[^a-m]*", "/a/five"), yes("*[0-9]", "/file7"),
    yes("a*b*c", "/a1b2b3c"), no("a*b*c", "/a1b2b3"), no("ab*bc", "/abc"), yes("x*x", "/xx"),
    yes("app", "var/app"), yes("*.log", "today.log"),
  ]

  static let escapes: [Row] = [
    yes("a\\*b", "/a*b"), no("a\\*b", "/axb"), yes("[\\]]", "/]"), yes("[\\-x]", "/-"),
    yes("\\a", "/a"), yes("[[]", "/["), yes("a?c", "/aéc"), no("a??c", "/aéc"),
    yes("[à-ÿ]x", "/éx"), no("[^à-ÿ]x", "/éx"), yes("{a,b}", "/{a,b}"), no("{a,b}", "/a"),
  ]

  static let paths: [Row] = [
    yes("app/*.log", "/var/app/today.log"), no("app/*.log", "/var/app/old/today.log"),
    yes("app/old", "/var/app/old/today.log"), no("old/app", "/var/app/old/today.log"),
    yes("v*/*/old", "/var/app/old/x"), no("app/*", "/var/app"), yes("app/", "/var/app"),
    yes("./app", "/var/app"), yes("lib//app", "/lib/app"), yes("lib/x/../app", "/lib/app"),
    no("app/x", "/var/app/"), no("a*b", "/a/b"), no("a?b", "/a/b"),
  ]

  static let absolute: [Row] = [
    yes("/var/app", "/var/app"), yes("/var/app", "/var/app/x/y"), no("/app", "/var/app"),
    no("/var/app", "/var/application"), yes("/var/*/x", "/var/app/x"), no("/var/*", "/var"),
    yes("/var/*", "/var/app/x"), no("/*/*/x", "/var/x"), yes("/var///app/", "/var/app"),
    yes("/etc/../var", "/var"), no("/var", "var"), no("/*", "var"), yes("/", "/"), no("/", "/var"),
    yes("/..", "/"), yes("/v[a]r", "/var/app"),
  ]

  static let anyDepth: [Row] = [
    yes("**", "/var/app"), yes("app/**/x", "/var/app/x"), yes("app/**/x", "/var/app/1/2/3/x"),
    yes("app/**/x", "/app/1/x/y"), no("app/**/x", "/x/app/1"), yes("/var/**", "/var"),
    yes("/var/**", "/var/app/x"), yes("/**/x", "/var/app/x"), yes("/**/x", "/x"),
    yes("a/**/b/**/c", "/r/a/1/b/2/3/c"), no("a/**/b/**/c", "/r/a/1/c/2/b"),
    yes("a/**/b/**/c", "/a/b/c"), yes("a/**/b*/c", "/a/b1/x/b2/c"), yes("**/x", "x"),
    no("a**b", "/a/b"), yes("a**b", "/a1b"),
    // The bound on `**` that restic's way of expanding several of them has.
    no("/**/x/**", "/a/b/x"), yes("/**/x/**", "/a/b/x/y"), no("/**/x/**", "/a/x"),
    yes("**/**", "/x"), no("**/**/**/**", "/x"),
  ]

  static let lists: [Row] = [
    Row(patterns: [], path: "/a", matches: false, below: false),
    Row(patterns: ["", "*.c"], path: "/a.c", matches: true),
    Row(patterns: ["*.c", "*.h"], path: "/src/a.h", matches: true),
    Row(patterns: ["/src/*", "!*.h"], path: "/src/a.h", matches: false, below: false),
    Row(patterns: ["/src/*", "!*.h"], path: "/src/a.c", matches: true),
    Row(patterns: ["!*.h", "/src/*"], path: "/src/a.h", matches: true),
    Row(patterns: ["*", "!keep", "*.tmp"], path: "/keep/x", matches: false),
    Row(patterns: ["*", "!keep", "*.tmp"], path: "/keep/x.tmp", matches: true),
    Row(patterns: ["/a/b/c"], path: "/a", matches: false),
    Row(patterns: ["/a/b/c"], path: "/a/b", matches: false),
    Row(patterns: ["/a/b/c"], path: "/a/x", matches: false, below: false),
    Row(patterns: ["/a/*/c"], path: "/a/x/y", matches: false, below: false),
    Row(patterns: ["/a/**/c"], path: "/a/x/y", matches: false),
    Row(patterns: ["/a/**/c"], path: "/b", matches: false, below: false),
    Row(patterns: ["/a/b"], path: "/a/b/c/d", matches: true),
    Row(patterns: ["b/c"], path: "/a", matches: false),
    Row(patterns: ["/x", "b"], path: "/a", matches: false),
    Row(patterns: ["/a/*", "!/a/[k-m]*"], path: "/a/k1", matches: false, below: false),
    Row(patterns: ["/a"], path: "a", matches: false, below: false),
  ]

  @Test(arguments: names + escapes + paths + absolute + anyDepth)
  func onePattern(_ row: Row) throws {
    let list = try PatternList(row.patterns.map { Array($0.utf8) })
    #expect(list.matches(Array(row.path.utf8)) == row.matches)
    #expect(list.match(Array(row.path.utf8)).matched == row.matches)
  }

  @Test(arguments: lists)
  func list(_ row: Row) throws {
    let list = try PatternList(row.patterns.map { Array($0.utf8) })
    #expect(list.matches(Array(row.path.utf8)) == row.matches)
    let answer = list.match(Array(row.path.utf8))
    #expect(answer.matched == row.matches)
    #expect(answer.belowMayMatch == row.below)
  }

  @Test func emptyPatternsAndEmptyPathsMatchNothing() throws {
    #expect(try PatternList([[]]).isEmpty)
    #expect(try !PatternList([[]]).matches(Array("/a".utf8)))
    #expect(try !PatternList([Array("*".utf8)]).matches([]))
  }

  @Test(arguments: ["[", "a/[", "[]", "[a", "[a-]", "[-a]", "a\\", "[\\", "a\\/b", "!x/[", "[^]"])
  func malformed(_ pattern: String) {
    #expect(throws: VarveError(.usage, "")) { try PatternList([Array(pattern.utf8)]) }
  }

  @Test func everyMalformedPatternIsNamed() throws {
    let error = #expect(throws: VarveError.self) {
      try PatternList(["*.c", "a[", "b[.-]"].map { Array($0.utf8) })
    }
    #expect(error?.message.contains("\"a[\", \"b[.-]\"") == true)
  }

  @Test func bytesThatAreNotUTF8AreCharacters() throws {
    let latin: [UInt8] = Array("/caf".utf8) + [0xe9, 0x2e, 0x63]
    #expect(try PatternList([Array("caf?.c".utf8)]).matches(latin))
    #expect(try PatternList([Array("caf[^a].c".utf8)]).matches(latin))
    #expect(try PatternList([[0x63, 0x2a, 0xe9, 0x2e, 0x63]]).matches(latin))
    #expect(throws: VarveError(.usage, "")) { try PatternList([[0x5b, 0xe9, 0x5d]]) }
  }

  @Test func ignoringCase() throws {
    let list = try PatternList(
      ["*.GO", "Ärger", "[A-C]x"].map { Array($0.utf8) }, ignoringCase: true)
    for path in ["/src/a.go", "/A.Go", "/ÄRGER/x", "/ärger", "/BX"] {
      #expect(list.matches(Array(path.utf8)), "\(path)")
    }
    for path in ["/src/a.c", "/arger", "/dx"] {
      #expect(!list.matches(Array(path.utf8)), "\(path)")
    }
    let raw = try PatternList([[0x41, 0xff]], ignoringCase: true)
    #expect(raw.matches([0x2f, 0x61, 0xff]))
    #expect(!raw.matches([0x2f, 0x61, 0xdf]))
  }
}
