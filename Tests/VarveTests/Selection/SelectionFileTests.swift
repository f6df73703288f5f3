import Glibc
import Testing
import Varve
import VarveFormat

@Suite struct SelectionFileTests {
  private func text(_ paths: [[UInt8]]) -> [String] {
    paths.map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func patternFile() {
    let lines =
      "# comment\n\n  *.o  \r\n\t# another\n$DIR/cache\n${DIR}x$$y\n$UNSET\n\u{a0}z\u{2003}"
    let patterns = PatternFile.patterns(in: Array(lines.utf8)) { name in
      name == Array("DIR".utf8) ? Array("/srv".utf8) : nil
    }
    #expect(text(patterns) == ["*.o", "/srv/cache", "/srvx$y", "z"])
  }

  @Test(arguments: [
    ("$A", "1"), ("a$A-b", "a1-b"), ("${A}b", "1b"), ("$AB", ""), ("$", "$"), ("a$", "a$"),
    ("$ x", "$ x"), ("${}x", "x"), ("${A", "A"), ("$.", "$."), ("$1", "one"), ("$12", "one2"),
    ("${1}2", "one2"), ("$A$A", "11"), ("$$A", "PA"), ("$A_", ""), ("${A B}", "spaced"),
  ])
  func expansion(_ row: (text: String, expected: String)) {
    let values = ["A": "1", "1": "one", "$": "P", "A B": "spaced"]
    let out = VariableExpansion.expand(Array(row.text.utf8)) { name in
      values[String(decoding: name, as: UTF8.self)].map { Array($0.utf8) }
    }
    #expect(String(decoding: out, as: UTF8.self) == row.expected)
  }

  @Test func patternFileOnDisk() throws {
    let directory = try ScratchDirectory()
    let file = try directory.file("patterns", Array("$VARVE_SELECTION_TEST/*.o\n".utf8))
    setenv("VARVE_SELECTION_TEST", "/work dir", 1)
    #expect(text(try PatternFile.patterns(at: file)) == ["/work dir/*.o"])
    #expect(throws: VarveError(.io, "")) { try PatternFile.patterns(at: file + [0x78]) }
  }

  @Test func textWithByteOrderMarks() throws {
    let directory = try ScratchDirectory()
    let utf8 = try directory.file("utf8", [0xef, 0xbb, 0xbf] + Array("é\n".utf8))
    #expect(text(try FilesFrom.lines(at: utf8)) == ["é"])
    let little = try directory.file("little", [0xff, 0xfe, 0xe9, 0, 0x0d, 0, 0x0a, 0, 0x61, 0])
    #expect(text(try FilesFrom.lines(at: little)) == ["é", "a"])
    let big = try directory.file("big", [0xfe, 0xff, 0, 0xe9, 0, 0x0a])
    #expect(text(try FilesFrom.lines(at: big)) == ["é"])
    let raw = try directory.file("raw", [0xff, 0x0a, 0xc3, 0x0a])
    #expect(try FilesFrom.lines(at: raw) == [[0xff], [0xc3]])
  }

  @Test func verbatimLines() {
    let lines = Array(" # a \n\n*.o\r\nlast".utf8)
    #expect(text(FilesFrom.lines(in: lines)) == [" # a ", "*.o", "last"])
    #expect(FilesFrom.lines(in: []).isEmpty)
  }

  @Test func rawNames() throws {
    #expect(try FilesFrom.raw(in: [0x61, 0x0a, 0, 0xff, 0]) == [[0x61, 0x0a], [0xff]])
    #expect(try FilesFrom.raw(in: []).isEmpty)
    #expect(throws: VarveError(.usage, "")) { try FilesFrom.raw(in: [0x61]) }
    #expect(throws: VarveError(.usage, "")) { try FilesFrom.raw(in: [0x61, 0, 0, 0x62, 0]) }
    #expect(throws: VarveError(.usage, "")) { try FilesFrom.raw(in: [0]) }
  }

  @Test func globs() throws {
    let directory = try ScratchDirectory()
    for name in ["b.txt", "a.txt", ".hidden.txt", "c.bin"] { _ = try directory.file(name, []) }
    for name in ["d1", "d2"] { try directory.directory(name) }
    _ = try directory.file("d1/x", [])
    _ = try directory.file("d2/x", [])
    _ = try directory.file([0x71, 0xff], [])
    let base = directory.path
    func found(_ pattern: String) throws -> [String] {
      var missing: [[UInt8]] = []
      let paths = try FilesFrom.patterns(in: base + Array("/\(pattern)".utf8)) {
        missing.append($0)
      }
      #expect(missing.isEmpty == !paths.isEmpty)
      return text(paths.map { Array($0.dropFirst(base.count + 1)) })
    }
    #expect(try found("*.txt") == [".hidden.txt", "a.txt", "b.txt"])
    #expect(try found("d*/x") == ["d1/x", "d2/x"])
    #expect(try found("d?/[x]") == ["d1/x", "d2/x"])
    #expect(try found("c.bin") == ["c.bin"])
    #expect(try found("nothing*") == [])
    #expect(try found("absent") == [])
    let raw = try FilesFrom.patterns(in: base + Array("/q*".utf8)) { _ in }
    #expect(raw == [base + [0x2f, 0x71, 0xff]])
    #expect(throws: VarveError(.usage, "")) {
      try FilesFrom.patterns(in: base + Array("/[".utf8)) { _ in }
    }
  }

  @Test func globsSkipCommentsAndReportWhatIsMissing() throws {
    var missing: [[UInt8]] = []
    let paths = try FilesFrom.patterns(in: Array("# /\n\n / \n/no-such-*\n".utf8)) {
      missing.append($0)
    }
    #expect(text(paths) == ["/"])
    #expect(text(missing) == ["/no-such-*"])
  }

  @Test(arguments: [
    ("", "."), ("/", "/"), ("//", "/"), ("a//b/", "a/b"), ("./a/.", "a"), ("a/..", "."),
    ("../a", "../a"), ("a/../../b", "../b"), ("/..", "/"), ("/../a", "/a"), ("a/b/../../..", ".."),
  ])
  func cleanPaths(_ row: (path: String, clean: String)) {
    #expect(String(decoding: CleanPath.clean(row.path.utf8), as: UTF8.self) == row.clean)
  }
}
