import Glibc
import Testing
import VarveTestThreads

@Suite(.onOwnThreads) struct LogTests {
  @Test(arguments: [true, false]) func aRolledBackLogStopsTheClientThatKnowsBetter(
    withCheckpoint: Bool
  ) throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.initializeWithKeyFile()
    try here.backup()
    try here.write("more", to: here.source + "/more")
    try here.backup()
    let newest = try #require(here.objects("log/commits/").last)
    unlink(here.repository + "/" + newest)
    if !withCheckpoint { unlink(here.repository + "/log/checkpoint") }
    for command in [
      ["snapshots"], ["check"], ["backup", here.source], ["ls", "latest"], ["log", "verify"],
    ] {
      let outcome = try here.varve(command)
      #expect(outcome.code == 22, "\(command[0]): \(outcome.code) \(outcome.errors)")
      #expect(outcome.errors.contains("hint"), "\(outcome.errors)")
    }
    #expect(!here.exists(here.repository + "/" + newest), "nothing was appended in its place")
  }

  @Test func aForkedLogStopsTheClientThatKnowsBetter() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.initializeWithKeyFile()
    try here.copy(here.repository, to: here.root + "/older")
    try here.backup()
    // Another client, who has not seen that backup, makes one of its own on the older copy.
    let state = try #require(here.environment["XDG_STATE_HOME"])
    here.environment["XDG_STATE_HOME"] = here.root + "/other-state"
    try here.write("other", to: here.source + "/other")
    _ = try here.succeed("backup", here.source, "-r", here.root + "/older")
    here.environment["XDG_STATE_HOME"] = state
    rename(here.repository, here.root + "/away")
    rename(here.root + "/older", here.repository)
    try here.fail(22, "snapshots", saying: ["hint"])
  }

  @Test func showAndVerifyTellTheHistory() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.initializeWithKeyFile()
    let backup = try here.backup()
    let verified = try here.succeed("log", "verify")
    #expect(!verified.text.isEmpty || !verified.errors.isEmpty)
    let shown = try here.succeed("log", "show").text
    let identifier = try #require(backup["snapshot_id"].string)
    #expect(shown.contains("genesis"))
    #expect(shown.contains(identifier.prefix(8)))
    let entries = try here.varve("log", "show", "--json")
    #expect(entries.code == 0, "\(entries.errors)")
    #expect(entries.text.contains(identifier))
    #expect(!entries.text.contains(here.source), "no path in clear in any entry")
  }

  @Test func derivedObjectsAreRebuilt() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.initializeWithKeyFile()
    try here.backup()
    unlink(here.repository + "/log/checkpoint")
    #expect(try here.snapshots().count == 1)
    try here.write("again", to: here.source + "/again")
    try here.backup()
    #expect(here.exists(here.repository + "/log/checkpoint"))
    try here.succeed("log", "verify")
  }

  /// The published view has to be what the C2SP formats say; here by their own rules, without Varve.
  @Test func publishedTilesHashToTheSignedRoot() throws {
    let here = try Workspace()
    try here.makeSmallTree(files: 2, largest: 10)
    try here.initializeWithKeyFile()
    try here.useKeyFile()
    for round in 0..<Tools.rounds(6, soak: 600) {
      try here.write("\(round)", to: here.source + "/hello.txt")
      try here.backup()
    }
    let published = here.root + "/published"
    try here.succeed("log", "publish", published)
    // `config` is a signed note whose first line is JSON.
    let config = String(decoding: try here.read(here.repository + "/config"), as: UTF8.self)
    let key = try Document(parsing: try #require(config.split(separator: "\n").first))["logKey"]
    let verifier = Tools.sources + "/fixtures/walker/tiles.py"
    let outcome = try here.run([Tools.python, verifier, published, try #require(key.string)])
    #expect(outcome.code == 0, "\(outcome.text)\(outcome.errors)")
    let size = try #require(Int(outcome.text.split(separator: " ").first ?? ""))
    #expect(size > Tools.rounds(6, soak: 600))
  }
}
