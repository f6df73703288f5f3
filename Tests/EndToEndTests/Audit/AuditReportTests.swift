import Testing
import VarveFormat
import VarveProof
import VarveRepository
import VarveTestThreads

@Suite(.onOwnThreads) struct AuditReportTests {
  private func scene() throws -> (Workspace, HistoryBench) {
    let here = try Workspace()
    let bench = try HistoryBench(at: here.repository, state: here.root + "/maker")
    here.environment["VARVE_PASSWORD_FILE"] = nil
    try bench.commit(by: bench.owner, at: bench.hours(0), HistoryBench.policy([.last: 3]))
    for number in 1...12 {
      try bench.commit(
        by: bench.owner, at: bench.hours(24 * Int64(number)),
        HistoryBench.snapshot(
          UInt64(number), taken: bench.hours(24 * Int64(number)), source: UInt64(number % 11)))
    }
    try bench.commit(
      by: bench.owner, at: bench.hours(24 * 13),
      .hold(
        .init(
          snapshots: [HistoryBench.id(3)], term: .released,
          reason: "</td><script>alert('1')</script>\u{1b}[2J\u{202e}\" onload=\"x")))
    try bench.commit(by: bench.owner, at: bench.hours(24 * 13), HistoryBench.forget(4))
    try bench.sign()
    return (here, bench)
  }

  /// Whatever text an author signs, the page stays one page of text.
  @Test func thePageNeedsNothingAndRunsNothing() throws {
    let (here, bench) = try scene()
    let path = here.root + "/report.html"
    let outcome = try here.varve(
      "audit", "--html", path, "--to", bench.hours(24 * 14).utcSeconds, "--key",
      bench.config.logKey)
    #expect(outcome.code == 22)
    let page = String(decoding: try here.read(path), as: UTF8.self)
    #expect(page.hasPrefix("<!doctype html>"))
    let lower = page.lowercased()
    for word in [
      "<script", "http:", "https:", "src=", "href=", "@import", "url(", "<link", "<img",
      " onload=\"x",
    ] {
      #expect(!lower.contains(word), "\(word)")
    }
    #expect(page.contains("&lt;script&gt;"))
    #expect(!page.contains("\u{1b}") && !page.contains("\u{202e}"))
    for word in [
      "prefers-color-scheme: dark", "lang=\"en\"", "role=\"img\"", "<title", "First broken link",
      "aria-labelledby",
    ] {
      #expect(page.contains(word), "\(word)")
    }
    // Well-formed enough for a parser that does not forgive.
    let checker = """
      import sys
      from html.parser import HTMLParser
      class Nesting(HTMLParser):
          stack = []
          def handle_starttag(self, tag, attributes):
              if tag != "meta": self.stack.append(tag)
          def handle_startendtag(self, tag, attributes): pass
          def handle_endtag(self, tag):
              assert self.stack.pop() == tag, tag
      parser = Nesting()
      parser.feed(open(sys.argv[1]).read())
      assert not parser.stack, parser.stack
      """
    let checked = try here.run([Tools.python, "-c", checker, path])
    #expect(checked.code == 0, "\(checked.errors)")
  }

  @Test func quietPrintsOnlyWhatIsBroken() throws {
    let (here, bench) = try scene()
    let to = bench.hours(24 * 14).utcSeconds
    let quiet = try here.varve("audit", "-q", "--to", to)
    #expect(quiet.code == 22)
    #expect(quiet.text.isEmpty, "the first is the error: \(quiet.text)")
    #expect(quiet.errors.contains("forgets the snapshot"))
    let loud = try here.varve("audit", "--to", to)
    #expect(loud.text.contains("nobody vouches"))
    // Control characters of an author's never reach the terminal.
    #expect(!loud.text.contains("\u{1b}") && !loud.errors.contains("\u{1b}"))
  }

  @Test func thePeriodIsBracketedByHeadsThatAreProved() throws {
    let (here, bench) = try scene()
    let json = try here.varve(
      "audit", "--json", "--from", bench.hours(24 * 5).utcSeconds, "--to",
      bench.hours(24 * 9).utcSeconds
    ).document()
    #expect(json["holds"].bool == true)
    let (first, last) = (json["period"]["first"], json["period"]["last"])
    #expect(first["size"].number == 7)
    #expect(last["size"].number == 12)
    #expect(json["entries"]["snapshot"].number == 5)
    let proof = try json["period"]["consistency"].strings.map {
      try #require(Base64.decode($0).flatMap { Digest($0) })
    }
    func head(_ document: Document) throws -> TreeHead {
      TreeHead(
        size: UInt64(try #require(document["size"].number)),
        root: try #require(Base64.decode(document["root"].string ?? "").flatMap { Digest($0) }))
    }
    #expect(MerkleProof.verifyConsistency(from: try head(first), to: try head(last), proof: proof))
    #expect(!MerkleProof.verifyConsistency(from: try head(last), to: try head(first), proof: proof))
    try here.fail(
      64, "audit", "--from", "2026-01-02", "--to", "2026-01-01", saying: ["later"])
  }

  @Test func nothingIsNeededButTheRepository() throws {
    let (here, bench) = try scene()
    // A repository that nobody may write to, and no password anywhere.
    let before = here.objects()
    _ = try here.varve("audit", "--to", bench.hours(24 * 12).utcSeconds)
    #expect(here.objects() == before)
    try here.write("", to: here.root + "/empty/x")
    try here.fail(10, "audit", "-r", here.root + "/empty", saying: ["hint"])
    var config = try here.read(here.repository + "/config")
    config[20] ^= 1
    try here.write(config, to: here.repository + "/config")
    let outcome = try here.varve("audit")
    #expect(outcome.code == 22, "\(outcome.errors)")
    #expect(outcome.errors.contains("config"))
  }
}
