import Testing
import VarveFormat
import VarveOperations
import VarveTestSupport

@Suite struct YAMLReaderTests {
  private func read(
    _ text: String, _ variables: [String: String] = [:]
  ) -> (root: YAMLNode?, problems: [ConfigurationProblem]) {
    YAMLReader.read(Array(text.utf8), file: "f", substitution: Substitution { variables[$0] })
  }

  private func problem(_ text: String, _ variables: [String: String] = [:]) -> String {
    read(text, variables).problems.map(\.description).joined(separator: "; ")
  }

  @Test func scalarsAreThoseOfTheCoreSchema() throws {
    let cases: [(String, YAMLScalar.Value)] = [
      ("~", .null), ("", .null), ("true", .boolean(true)), ("False", .boolean(false)),
      ("yes", .text), ("on", .text), ("12", .integer(12)), ("-3", .integer(-3)),
      ("0o17", .integer(15)), ("0x1F", .integer(31)), ("017", .integer(17)), ("1.5", .number(1.5)),
      (".5", .number(0.5)), ("5.", .number(5)), ("1e3", .number(1000)), ("+.5e-1", .number(0.05)),
      ("12:30", .text), ("1_000", .text), ("0x", .text), ("1e", .text), (".", .text), ("-", .text),
      ("26h", .text), ("99999999999999999999", .number(1e20)), (".inf", .number(.infinity)),
    ]
    for (text, value) in cases where !["-"].contains(text) {
      let root = read("k: \(text)").root
      #expect(root?["k"]?.scalar?.value == value, "\(text)")
    }
    #expect(read("k: '12'").root?["k"]?.scalar?.value == .text)
    #expect(read("k: !!str 12").root?["k"]?.scalar?.value == .text)
    #expect(read("k: !!int '12'").root?["k"]?.scalar?.value == .integer(12))
  }

  @Test func positionsAreThoseOfTheFile() throws {
    let root = try #require(read("# a\na:\n  - b\n  - {ü: c, d: e}\n").root)
    let list = try #require(root["a"])
    #expect(list.elements[0].position == SourcePosition(file: "f", line: 3, column: 5))
    #expect(list.elements[1]["d"]?.position == SourcePosition(file: "f", line: 4, column: 15))
  }

  @Test(arguments: [
    ("a: 1\nb: 2\na: 3", "f:3:1: 'a' stands here twice, first in line 1"),
    ("a: *x", "f:1:4: the alias *x stands before its anchor is complete"),
    ("a: &x [*x]", "f:1:8: the alias *x stands before its anchor is complete"),
    ("? [a]\n: b", "f:1:3: a key must be plain text"),
    ("a: !go x", "f:1:4: the tag !go does not go with this value"),
    ("a: \"\\0\"", "f:1:4: it contains a NUL character"),
    ("a: 1\n---\nb: 2", "f:2:1: a second document begins; one file has one"),
  ])
  func whatIsNotTaken(_ text: String, _ message: String) {
    #expect(problem(text) == message)
  }

  @Test func whatIsNoYAMLHasALine() {
    #expect(problem("a: [1\nb: 2").hasPrefix("f:2:"))
    #expect(problem("a: \"x").contains("f:"))
    #expect(
      !YAMLReader.read([0x61, 0xff, 0xfe], file: "f", substitution: Substitution { _ in nil })
        .problems.isEmpty)
  }

  @Test func aliasesCountAsOftenAsTheyAreUsed() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1..<12 {
      let uses = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(uses)]\n"
    }
    #expect(problem(text).contains("it has more than 50000 values, aliases expanded"))
    #expect(problem(String(repeating: "[", count: 500)).contains("nested more than 64 levels"))
    let deep = String(repeating: "[", count: 63) + String(repeating: "]", count: 63)
    #expect(problem(deep).isEmpty)
  }

  @Test func mappingsAreMerged() throws {
    let root = try #require(
      read("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [*x, {c: 4}]}").root)
    #expect(root["y"]?["a"]?.scalar?.text == "1" && root["y"]?["b"]?.scalar?.text == "3")
    #expect(root["z"]?["c"]?.scalar?.text == "4")
    #expect(problem("a: {<<: 1}").contains("<< merges mappings only"))
  }

  @Test(arguments: [
    ("${A}", "x"), ("p${A}q", "pxq"), ("${B:-d}", "d"), ("${E:-d}", "d"), ("${E}", ""),
    ("${B:-}", ""), ("$$", "$"), ("$${A}", "${A}"), ("$HOME $1 $", "$HOME $1 $"), ("${S}", "${A}"),
  ])
  func theEnvironment(_ text: String, _ result: String) throws {
    let variables = ["A": "x", "E": "", "S": "${A}"]
    let (root, problems) = read("k: \"\(text)\"", variables)
    #expect(problems.isEmpty && root?["k"]?.scalar?.text == result)
    // Keys and comments stay.
    #expect(read("${A}: 1 # ${B}", variables).root?.entries.first?.key == "${A}")
  }

  @Test func whatIsWrongWithVariables() {
    #expect(problem("k: ${B}") == "f:1:4: the environment has no B; set it, or write ${B:-default}")
    #expect(problem("k: '${B'").contains("has no '}'"))
    #expect(problem("k: ${A%x}").contains("neither ${NAME} nor"))
    #expect(problem("k: ${1}").contains("neither ${NAME} nor"))
  }

  /// Nothing traps, whatever is read.
  @Test func damage() {
    let text = Array(
      "a: &x {b: [1, '2', \"3\\n\"]}\nc: *x\nd: |\n  text ${A:-b}\n<<: *x\n? e\n: !!str 4\n".utf8)
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<3_000 {
      var bytes = text
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: index)
        default:
          bytes.insert(
            Array("{}[]&*!|>'\"%@:-?#,\n\t".utf8).randomElement(using: &generator) ?? 0, at: index)
        }
      }
      let (_, problems) = YAMLReader.read(
        bytes, file: "f", substitution: Substitution { _ in nil })
      for problem in problems { #expect(problem.position.line > 0) }
    }
  }
}
