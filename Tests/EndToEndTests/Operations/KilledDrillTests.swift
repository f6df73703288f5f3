import Foundation
import Glibc
import Testing
import VarveTestThreads

/// A drill that is killed while its service runs.
@Suite(.onOwnThreads) struct KilledDrillTests {
  private func freePort(_ here: Workspace) throws -> String {
    let outcome = try here.run([
      Tools.python, "-c",
      "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])",
    ])
    return String(outcome.text.filter(\.isNumber))
  }

  @Test func theNextOneHasItsPort() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.initializeWithKeyFile()
    let port = try freePort(here)
    let (mark, go) = (here.root + "/mark", here.root + "/go")
    try here.configure(
      """
      profiles:
        web:
          sources: [{name: files, path: \(here.source)}]
          drills:
            monthly:
              services:
                web:
                  command: "exec \(Tools.python) -m http.server --bind 127.0.0.1 \(port)"
                  ready: "http://127.0.0.1:\(port)/"
              checks:
                - command: "test -e \(go) || { echo $$ >\(mark); exec sleep 300; }"

      """)
    here.environment["VARVE_CONFIG"] = here.configurationFile
    here.environment["TMPDIR"] = here.root + "/drills"
    try FileManager.default.createDirectory(
      atPath: here.root + "/drills", withIntermediateDirectories: true)
    try here.backup(here.source, "--meta", "profile=web", "--meta", "source=files")
    let killed = try here.start("drill", "run", "web")
    for _ in 0..<1_200 where !here.exists(mark) { usleep(50_000) }
    try #require(here.exists(mark))
    killed.send(SIGKILL)
    #expect(try killed.wait(limit: 60).signal == SIGKILL)
    defer {
      // The check that was under way; nobody looks for it.
      if let check = try? here.text(of: mark), let process = pid_t(check.filter(\.isNumber)) {
        kill(process, SIGKILL)
      }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: here.root + "/drills").count == 1)
    try here.write("", to: go)
    try here.succeed("drill", "run", "web")
    #expect(try FileManager.default.contentsOfDirectory(atPath: here.root + "/drills") == [])
  }
}
