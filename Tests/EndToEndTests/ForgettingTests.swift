import Testing
import VarveTestThreads

/// What `forget` says before it is done, which snapshots filters mean to it and to others, and the way back.
@Suite(.onOwnThreads) struct ForgettingTests {
  private static let nothing = "no snapshot matches the host, tags and paths given"

  /// Snapshots of three days, each of a file of its own content.
  private func prepare() throws -> Workspace {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    try here.write("data", to: here.source + "/file")
    try here.backupDays(1...3)
    return here
  }

  // MARK: What would be pruned

  @Test func aDryRunWithPruneShowsBothPlans() throws {
    let here = try prepare()
    let before = here.objects()
    let options = ["--keep-last", "1", "--prune", "--max-unused", "0"]
    let dry = try here.varve(["forget"] + options + ["--dry-run", "--json"])
    try #require(dry.code == 0, "\(dry.errors)")
    let documents = try dry.documents()
    try #require(documents.count == 2, "\(dry.text)")
    #expect(documents[0][0]["remove"].list.count == 2)
    let plan = documents[1]
    #expect(plan["message_type"].string == "plan" && plan["records"].number == 2)
    #expect((plan["dead_packs"].number ?? 0) > 0 && (plan["unused_bytes"].number ?? 0) > 0)
    let said = try here.varve(["forget"] + options + ["--dry-run"])
    #expect(said.text.contains("would forget 2 snapshots"))
    #expect(said.text.contains("condemn: 2 records of forgotten snapshots, "), "\(said.text)")
    #expect(here.objects() == before)
    #expect(try here.snapshots().count == 3)

    // As it is then done.
    let done = try here.varve(["forget"] + options + ["--json"]).documents()
    for member in ["records", "dead_packs", "repacked_packs", "unused_bytes", "total_bytes"] {
      #expect(done.last?[member].number == plan[member].number, "\(member)")
    }
    #expect((done.last?["condemned_objects"].number ?? 0) > 0)
    try here.succeed("check")
  }

  @Test func aReaderSeesWhatWouldBeForgottenAndNoMore() throws {
    let here = try prepare()
    try here.addKeyFile("reader", role: "reader")
    here.environment["VARVE_KEY_FILE"] = here.root + "/reader"
    try here.succeed("forget", "--keep-last", "1", "--dry-run")
    let refused = try here.fail(
      1, "forget", "--keep-last", "1", "--dry-run", "--prune", saying: ["owner", "hint"])
    #expect(refused.text.isEmpty)
  }

  // MARK: Filters

  @Test func pathsAreTakenAsABackupTakesThem() throws {
    let here = try prepare()
    for path in ["source", "./source/", "nowhere/../source", here.source + "/"] {
      let dry = try here.succeed(
        "forget", "--keep-last", "1", "--path", path, "--dry-run", directory: here.root)
      #expect(dry.text.contains("would forget 2 snapshots"), "\(path)")
      #expect(!dry.errors.contains(Self.nothing), "\(path)")
      let simulated = try here.succeed(
        "forget", "--simulate", "--keep-last", "1", "--path", path, "--json", directory: here.root)
      #expect(try simulated.document()["groups"].list.count == 1, "\(path)")
      let list = try here.succeed(
        "snapshots", "--path", path, "--json", directory: here.root)
      #expect(try list.document().list.count == 3, "\(path)")
      let found = try here.succeed(
        "dump", "latest", here.source + "/file", "--path", path, directory: here.root)
      #expect(found.text == "day 3", "\(path)")
    }
    try here.succeed(
      "restore", "latest:\(here.source)", "--target", here.target, "--path", "source/",
      directory: here.root)
    try here.expectEqual(here.source, here.target, "--skip-root")
    try here.fail(64, "forget", "--keep-last", "1", "--path", "", saying: ["empty"])
    try here.fail(64, "snapshots", "--path", "", saying: ["empty"])
  }

  @Test func filtersThatMatchNothingAreSaid() throws {
    let here = try prepare()
    for command in [
      ["forget", "--keep-last", "1", "--path", "/nowhere"],
      ["forget", "--keep-last", "1", "--host", "nobody", "--json"],
      ["forget", "--unsafe-allow-remove-all", "--tag", "nobody"],
      ["forget", "--simulate", "--keep-last", "1", "--tag", "nobody"],
      ["snapshots", "--path", "/nowhere"], ["tag", "--add", "x", "--host", "nobody"],
      ["repair", "snapshots", "--tag", "nobody", "--quiet"],
    ] {
      let outcome = try here.varve(command)
      #expect(outcome.code == 0 && outcome.errors.contains(Self.nothing), "\(command): \(outcome)")
    }
    #expect(try here.snapshots().count == 3)
    for command in [
      ["forget", "--keep-last", "1", "--path", here.source], ["snapshots", "--host", "here"],
      ["snapshots"],
    ] {
      let outcome = try here.varve(command)
      #expect(outcome.code == 0 && !outcome.errors.contains(Self.nothing), "\(command): \(outcome)")
    }
  }

  // MARK: The way back

  @Test func whatWasForgottenIsListedInLocalTime() throws {
    let here = try prepare()
    let first = try #require(try here.snapshots().first?["id"].string)
    try here.succeed("forget", first)
    for (zone, time) in [("UTC", "2026-03-01 12:00:00"), ("EST5", "2026-03-01 07:00:00")] {
      here.environment["TZ"] = zone
      #expect(try here.succeed("recover").text.contains(time), "\(zone)")
    }
    try here.succeed("undo", String(first.prefix(4)))
    #expect(try here.succeed("snapshots").text.contains("2026-03-01 07:00:00"))
  }

  @Test func tooFewDigitsAreNoUnknownSnapshot() throws {
    let here = try prepare()
    let first = try #require(try here.snapshots().first?["id"].string)
    try here.succeed("forget", first)
    let short = try here.fail(
      64, "undo", String(first.prefix(3)), saying: ["too short", "4 digits", "hint"])
    #expect(!short.errors.contains("no forgotten snapshot"))
    let other = String(first.prefix(4).map { $0 == "0" ? "1" : "0" })
    try here.fail(1, "undo", other, saying: ["no forgotten snapshot", "hint"])
    try here.succeed("undo", String(first.prefix(4)))
    #expect(try here.snapshots().count == 3)
  }
}
