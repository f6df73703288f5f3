import Foundation
import Testing
import VarveTestThreads

/// Hosts with profiles of the same names in one repository: each has its own snapshots.
@Suite(.onOwnThreads) struct SharedRepositoryTests {
  private func configure(_ here: Workspace, _ name: String, host: String?) throws -> String {
    let place = here.root + "/" + name
    try here.write(name, to: place + "/data/name")
    try here.configure(
      """
      profiles:
        daily:
          sources: [{name: data, path: \(place)/data}]
          drills: {small: {}}
      \(host.map { "    host: \($0)" } ?? "")
      """)
    let file = place + "/varve.yaml"
    try here.copy(here.configurationFile, to: file)
    return file
  }

  @Test func eachHostHasItsOwn() throws {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    let one = try configure(here, "one", host: "one")
    let two = try configure(here, "two", host: "two")
    try here.succeed("run", "daily", "--config", one)
    let never = try here.varve("status", "--config", two)
    #expect(never.code == 21 && never.text.contains("daily/data: never"), "\(never.text)")
    let nothing = try here.fail(
      1, "restore", "--profile", "daily", "--config", two, saying: ["no snapshot", "on two"])
    #expect(!nothing.errors.contains("restoring"))
    let failed = try here.fail(23, "drill", "run", "daily", "--config", two)
    #expect(failed.text.contains("FAILED"))
    // The newest is the other's.
    try here.succeed("run", "daily", "--config", two)
    try here.write("spoilt", to: here.root + "/one/data/name")
    try here.succeed("restore", "--profile", "daily", "--config", one)
    #expect(try here.read(here.root + "/one/data/name") == Array("one".utf8))
    let drilled = try here.succeed("drill", "run", "daily", "--config", one, "--json")
    let own = try #require(try here.snapshots("--host", "one").first?["id"].string)
    #expect(drilled.text.contains(own.prefix(8)))
    #expect(try here.varve("status", "--config", one).text.contains("daily    data"))
    // Nobody knows whose is meant, until this machine has made one.
    let anybody = try configure(here, "anybody", host: nil)
    try here.fail(
      64, "restore", "--profile", "daily", "--config", anybody, saying: ["one and two", "host"])
    try here.succeed("run", "daily", "--config", anybody)
    try here.succeed("run", "daily", "--config", two)
    try here.write("spoilt", to: here.root + "/anybody/data/name")
    try here.succeed("restore", "--profile", "daily", "--config", anybody)
    #expect(try here.read(here.root + "/anybody/data/name") == Array("anybody".utf8))
  }

  /// The log knows drills by the host whose snapshots they restore, whichever machine runs them and looks.
  @Test func eachHostHasItsOwnDrills() throws {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    let one = try configure(here, "one", host: "one")
    let two = try configure(here, "two", host: "two")
    for file in [one, two] { try here.succeed("run", "daily", "--config", file) }
    try here.succeed("drill", "run", "daily", "--config", one)
    // What this machine itself remembers of it is not what is meant.
    here.environment["XDG_STATE_HOME"] = here.root + "/another-machine"
    func drills(_ file: String) throws -> (status: String?, logged: Int) {
      let status = try here.varve("status", "--config", file, "--json").document()["drills"].list
      let trend = try here.succeed("drill", "trend", "daily", "--config", file, "--json")
      return (status.first?["state"].string, try trend.documents().count)
    }
    #expect(try drills(one) == ("ok", 1))
    #expect(try drills(two) == ("none", 0))
    try here.succeed("drill", "run", "daily", "--config", two)
    #expect(try drills(two) == ("ok", 1))
    #expect(try drills(one) == ("ok", 1))
    // Of a profile that says no host, and a machine that has made nothing, all are its.
    let anybody = try configure(here, "anybody", host: nil)
    #expect(try drills(anybody) == ("ok", 2))
  }

  /// A new machine takes over what the only other one has made.
  @Test func aProfileOfOneHostIsAnybodys() throws {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    let one = try configure(here, "one", host: "one")
    try here.succeed("run", "daily", "--config", one)
    let moved = try here.text(of: one).replacingOccurrences(of: "    host: one", with: "")
    try here.write(moved, to: one)
    try here.remove(here.root + "/one/data")
    try here.succeed("restore", "--profile", "daily", "--config", one)
    #expect(try here.read(here.root + "/one/data/name") == Array("one".utf8))
    #expect(try here.varve("status", "--config", one).text.contains("daily    data"))
  }

  /// What lists show is a time that restores take.
  @Test func theTimeInTheListIsEnough() throws {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    let file = try configure(here, "one", host: "one")
    try here.succeed("run", "daily", "--config", file)
    let shown = try #require(try here.snapshots().first?["time"].string).prefix(19)
    try here.write("spoilt", to: here.root + "/one/data/name")
    try here.succeed(
      "restore", "--profile", "daily", "--config", file, "--at",
      shown.replacingOccurrences(of: "T", with: " "))
    #expect(try here.read(here.root + "/one/data/name") == Array("one".utf8))
  }
}
