import Foundation
import Glibc
import Testing

/// An instance of the agent platform (fixtures/scenarios/agents.py), whose storage another one may share.
final class AgentPlatform {
  let here: Workspace
  let shell: OperatorShell
  let place: String
  let host: String
  let address: String
  private let number: Int

  /// - Parameters:
  ///   - number: 1 is the runbook's; 2 is on another host, and keeps everything for a shorter time.
  ///   - storage: the first instance's workspace; nil for the first.
  init(_ number: Int, storage: Workspace? = nil) throws {
    self.number = number
    here = try Workspace()
    let name = number == 1 ? "agents" : "agents-\(number)"
    address = "127.0.0.1:\(try freePorts(1)[0])"
    host = "agents-\(number)"
    place = here.root + "/srv/" + name
    shell = try OperatorShell(
      here, try RunbookSection("E"), directory: "/srv/" + name,
      places: [
        ("127.0.0.1:8080", address), ("agents-1", host), ("/srv/agents", "/srv/" + name),
      ], show: number == 1)
    if let storage {
      here.environment["VARVE_REPOSITORY"] = storage.repository
    } else {
      // Before everything that the clocks of the test say.
      #expect(try here.varve(at: "-402d", "init").code == 0)
    }
    // Where there is no systemd its judge says nothing.
    if access("/usr/bin/systemd-analyze", X_OK) != 0 {
      symlink("/bin/true", here.root + "/bin/systemd-analyze")
    }
    let key = here.root + "/etc/varve/agents.key"
    let added = try (storage ?? here).varve(
      at: "-401d", "key", "add", "--label", host, "--new-key-file", key)
    try #require(added.code == 0, "\(added.errors)")
    here.environment["VARVE_PASSWORD_FILE"] = nil
    here.environment["VARVE_KEY_FILE"] = key
    if storage == nil {
      try here.write(try here.logKey() + "\n", to: here.root + "/srv/safe/storage.vkey")
    }
    symlink((storage ?? here).repository, here.root + "/srv/storage")
    try make()
    try FileManager.default.createDirectory(
      atPath: place + "/manifests", withIntermediateDirectories: true)
    var yaml = try shell.configuration()
    if number > 1 {
      for (kept, less) in [("90d", "35d"), ("30d", "9d"), ("365d", "95d"), ("7d", "2d")] {
        yaml = yaml.replacingOccurrences(of: "retention: \(kept)", with: "retention: \(less)")
      }
    }
    try here.write(yaml, to: place + "/varve.yaml")
  }

  private func make(_ options: String...) throws {
    let script = Tools.sources + "/fixtures/scenarios/agents.py"
    let made = try here.run([Tools.python, script, place, "\(number)"] + options)
    try #require(made.code == 0, "\(made.errors)")
  }

  func work(day: Int) throws { try make("--work", "\(day)") }

  /// A run of all profiles that began so many days ago, or now.
  func startRun(daysAgo: Int) throws -> RunningProcess {
    let clock = Tools.clock(daysAgo == 0 ? nil : "-\(daysAgo)d")
    return try RunningProcess(
      clock + [Tools.varve, "run", "--all", "--config", place + "/varve.yaml"],
      environment: here.environment)
  }

  /// How many days old the snapshots of each of its sources are, the oldest first.
  func ages() throws -> [String: [Int]] {
    let now = Date()
    let reader = ISO8601DateFormatter()
    var ages: [String: [Int]] = [:]
    for snapshot in try here.snapshots("--host", host) {
      guard let source = snapshot["meta"]["source"].string else { continue }
      let text = try #require(snapshot["time"].string).prefix(19) + "Z"
      let time = try #require(reader.date(from: String(text)))
      ages[source, default: []].append(Int((now.timeIntervalSince(time) / 86_400).rounded()))
    }
    return ages.mapValues { $0.sorted(by: >) }
  }

  func text(_ name: String) throws -> String { try here.text(of: place + "/" + name) }
}
