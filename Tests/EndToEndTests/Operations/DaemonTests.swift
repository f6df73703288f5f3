import Glibc
import Testing
import VarveTestThreads

@Suite(.onOwnThreads) struct DaemonTests {
  private func daemon(_ here: Workspace, _ arguments: String...) throws -> RunningProcess {
    try here.start(
      "daemon", "--jitter", "0", "--json", "--config", here.configurationFile)
  }

  private func wait(_ what: String, _ isThere: () throws -> Bool) throws {
    for _ in 0..<300 {
      if try isThere() { return }
      usleep(250_000)
    }
    Issue.record("\(what) did not happen")
  }

  private func snapshots(_ here: Workspace) throws -> Int {
    try here.succeed("snapshots", "--json").document().list.count
  }

  /// What never ran is done at once; a configuration that changes is read anew; SIGTERM ends it in order.
  @Test func whatIsDueIsDone() throws {
    let here = try Workspace()
    try here.write("a", to: here.source + "/a")
    try here.initializeWithKeyFile()
    try here.configure(
      "profiles:\n  one: {schedule: daily, sources: [\(here.source)]}\n")
    let process = try daemon(here)
    try wait("the first run") { try snapshots(here) == 1 }
    // Wrong: what it said before counts.
    try here.configure("profiles:\n  one: {schedul: daily, sources: [\(here.source)]}\n")
    try wait("the warning") {
      let errors = try here.read("/proc/\(process.identifier)/fd/2")
      return String(decoding: errors, as: UTF8.self).contains("has changed, but is wrong")
    }
    #expect(!process.ended(within: 0))
    try here.configure(
      "profiles:\n  one: {schedule: daily, sources: [\(here.source)]}\n"
        + "  two: {schedule: hourly, sources: [/etc/hostname]}\n")
    try wait("the second run") { try snapshots(here) == 2 }
    process.send(SIGTERM)
    let outcome = try process.wait(limit: 60)
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("the configuration has changed, but is wrong"))
    #expect(outcome.lines.count == 2, "\(outcome.text)")
    #expect(try snapshots(here) == 2)
  }

  /// Of what touches one repository only one at a time; on SIGTERM the 'after' hook of what is under way runs.
  @Test func oneAtATimeAndAnEndInOrder() throws {
    let here = try Workspace()
    try here.write("a", to: here.source + "/a")
    try here.initializeWithKeyFile()
    let log = here.root + "/log"
    func profile(_ name: String) -> String {
      "  \(name): {schedule: daily, sources: [\(here.source)], hooks: {"
        + "before: 'echo +\(name) >> \(log)', after: 'echo -\(name) >> \(log)'}}\n"
    }
    let slow =
      "  z: {schedule: daily, sources: [\(here.source)], hooks: {"
      + "before: 'echo +z >> \(log); exec sleep 60', after: 'echo -z >> \(log)'}}\n"
    try here.configure("profiles:\n" + profile("a") + profile("b") + profile("c") + slow)
    let process = try daemon(here)
    try wait("the slow one") { (try? here.text(of: log).contains("+z")) == true }
    // All of the others may be before or after it; it is under way until it is stopped.
    process.send(SIGTERM)
    let outcome = try process.wait(limit: 60)
    #expect(outcome.code == 0 && outcome.seconds < 50, "\(outcome.errors)")
    let lines = try here.text(of: log).split(separator: "\n")
    for (begin, end) in zip(lines, lines.dropFirst()).enumerated().filter({ $0.offset % 2 == 0 })
      .map(\.element)
    {
      #expect(begin.first == "+" && end == "-" + begin.dropFirst(), "\(lines)")
    }
    #expect(lines.count.isMultiple(of: 2) && lines.suffix(2) == ["+z", "-z"], "\(lines)")
  }

  /// What it was stopped in the midst of is made up for, and not when the week has passed.
  @Test func whatWasInterruptedIsBegunAgain() throws {
    let here = try Workspace()
    try here.write("a", to: here.source + "/a")
    try here.initializeWithKeyFile()
    let (log, go) = (here.root + "/log", here.root + "/go")
    try here.configure(
      "profiles:\n  w: {schedule: weekly, sources: [\(here.source)], hooks: {"
        + "before: 'echo begun >> \(log); test -e \(go) || exec sleep 60'}}\n")
    func isDue() throws -> Bool? {
      try here.succeed("schedule", "show", "--json", "--config", here.configurationFile)
        .documents().first?["is_due"].bool
    }
    let stopped = try daemon(here)
    try wait("the hook") { here.exists(log) }
    stopped.send(SIGTERM)
    #expect(try stopped.wait(limit: 60).code == 0)
    #expect(try isDue() == true)
    // By a timer, once.
    try here.write("", to: go)
    #expect(try here.runProfiles("--due").code == 0)
    #expect(try isDue() == false)
    #expect(try snapshots(here) == 1)
    let idle = try daemon(here)
    #expect(!idle.ended(within: 3_000))
    idle.send(SIGTERM)
    #expect(try idle.wait(limit: 60).code == 0)
    #expect(try here.text(of: log) == "begun\nbegun\n")
  }
}
