import Glibc
import Testing
import VarveTestThreads

/// What README promises a newcomer: its lines, as they stand.
@Suite(.onOwnThreads) struct ReadmeTests {
  /// The first block of shell lines below a heading.
  private static func lines(below heading: String, of text: String) throws -> String {
    let start = try #require(text.firstRange(of: "\n## \(heading)\n")?.upperBound)
    let block = try #require(text[start...].firstRange(of: "\n```sh\n")?.upperBound)
    let end = try #require(text[block...].firstRange(of: "\n```\n")?.lowerBound)
    return String(text[block..<end])
  }

  @Test func theFirstHour() throws {
    let here = try Workspace()
    let readme = try String(decoding: here.read(Tools.sources + "/README.md"), as: UTF8.self)
    let home = here.root + "/home"
    for number in 0..<20 {
      try here.write("letter \(number)\n", to: "\(home)/documents/letters/\(number).txt")
    }
    // The tests have built it, and hold the lock of building.
    let make =
      "#!/bin/sh\nPATH=${PATH#*:} exec make --assume-old=build \"$@\"\n"
    try here.write(make, to: here.root + "/bin/make")
    #expect(try here.run(["chmod", "755", here.root + "/bin/make"]).code == 0)
    here.environment["PATH"] = here.root + "/bin:" + (here.environment["PATH"] ?? "")
    for name in ["VARVE_REPOSITORY", "VARVE_PASSWORD_FILE", "XDG_CONFIG_HOME"] {
      here.environment[name] = nil
    }
    let script = "set -euo pipefail\n" + (try Self.lines(below: "The first hour", of: readme))
    let outcome = try here.run(["bash", "-c", script], directory: Tools.sources)
    try #require(outcome.code == 0, "\(outcome.code)\n\(outcome.text)\n\(outcome.errors)")
    #expect(outcome.text.contains("snapshot") && outcome.text.contains("documents"))
    #expect(try here.read(home + "/.config/varve/varve").count > 0)
    let audit = outcome.text.suffix(2_000)
    #expect(audit.contains("every link holds"), "\(audit)")
    // What the drill has left stands in the log.
    here.environment["VARVE_REPOSITORY"] = home + "/backup"
    here.environment["VARVE_PASSWORD_FILE"] = home + "/.config/varve/password"
    #expect(try here.receipts("drill").map { $0["result"].string } == ["ok"])
    #expect(try here.receipts("run").count == 1)
  }
}
