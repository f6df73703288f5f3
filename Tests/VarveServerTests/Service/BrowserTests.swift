import Glibc
import Testing
import VarveFormat
import VarveServer
import VarveTestSupport
import VarveTestThreads

/// The pages in headless Chromium: navigation, downloads, plots, a clean console, and axe-core in light and dark
/// (`fixtures/conformance/browser.py`). With `VARVE_SCREENSHOTS` naming a directory, pictures are left there.
@Suite(.onOwnThreads) struct BrowserTests {
  private static let sources =
    "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")

  private static func found(_ pattern: String) -> String? {
    var matches = glob_t()
    defer { globfree(&matches) }
    guard glob(pattern, 0, nil, &matches) == 0, matches.gl_pathc > 0,
      let first = matches.gl_pathv[0]
    else { return nil }
    return String(cString: first)
  }

  @Test func somebodyWithAKeyboardFindsEverything() throws {
    let python = Self.sources + "/.build/python"
    let chromium = try #require(
      Self.found("/usr/bin/chromium") ?? Self.found("/usr/bin/google-chrome"),
      "scripts/install-requirements --judges installs it")
    let axe = try #require(
      Self.found(python + "/lib/python3*/site-packages/axe_playwright_python/axe.min.js"),
      "scripts/install-requirements --judges installs it")
    let bench = try ServiceBench()
    try bench.makeHistory()
    try bench.start()
    try bench.waitUntilReady()
    let token = try bench.token(.full, label: "ops")
    let output = bench.directory("output")
    mkdir(bench.directory("browser"), 0o700)
    let code = try ChildProgram(
      [
        python + "/bin/python", Self.sources + "/fixtures/conformance/browser.py", chromium,
        "http://127.0.0.1:\(bench.port)", token, axe, bench.directory("browser"),
        bench.directory("source"),
      ] + (getenv("VARVE_SCREENSHOTS").map { [String(cString: $0)] } ?? []), output: output
    ).run()
    let text = String(decoding: try FileBytes.read(output), as: UTF8.self)
    #expect(code == 0, "\(text)")
    #expect(text.contains("pages:"), "\(text)")
  }
}
