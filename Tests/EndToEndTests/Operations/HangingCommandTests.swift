import Foundation
import Glibc
import Testing
import VarveTestThreads

/// Commands of the operator's that never answer: whoever stops the program stops them, too.
@Suite(.onOwnThreads) struct HangingCommandTests {
  private func wait(for path: String, _ here: Workspace) throws {
    for _ in 0..<600 {
      if here.exists(path) { return }
      usleep(50_000)
    }
    throw SpawnFailure(description: "there is no \(path)")
  }

  @Test func aRunThatWaitsForAPasswordIsStopped() throws {
    let here = try Workspace()
    try here.succeed("init")
    try here.makeSmallTree()
    let marks = here.root + "/marks"
    try here.write(
      """
      repositories:
        main:
          location: \(here.repository)
          password-command: "echo $$$$ >\(marks); exec sleep 300"
      profiles:
        nightly: {schedule: daily, sources: [\(here.source)]}

      """, to: here.configurationFile)
    let process = try here.startProfiles("--due")
    try wait(for: marks, here)
    usleep(300_000)
    #expect(!process.ended(within: 0))
    process.send(SIGTERM)
    let outcome = try process.wait(limit: 60)
    #expect(outcome.code == 130 && outcome.seconds < 45, "\(outcome.code): \(outcome.errors)")
    let child = try #require(pid_t(here.text(of: marks).split(separator: "\n").first ?? ""))
    let command = (try? here.read("/proc/\(child)/cmdline")) ?? []
    #expect(!String(decoding: command, as: UTF8.self).contains("sleep"), "it goes on")
  }

  @Test func aTimestampThatIsWaitedForIsStopped() throws {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    let mark = here.root + "/mark"
    let process = try here.start(
      "anchor", "--tsa-command", "cat >\(mark); exec sleep 300")
    try wait(for: mark, here)
    process.send(SIGTERM)
    let outcome = try process.wait(limit: 60)
    #expect(outcome.code == 130 && outcome.seconds < 45, "\(outcome.code): \(outcome.errors)")
  }
}
