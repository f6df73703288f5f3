import Testing
import VarveTestThreads

extension Workspace {
  /// Backs up once a day from 1 March 2026 on, at noon.
  func backupDays(_ days: ClosedRange<Int>, _ options: String...) throws {
    for day in days {
      try write("day \(day)", to: source + "/file")
      let time = "2026-03-\(day < 10 ? "0" : "")\(day) 12:00:00"
      let outcome = try varve(
        ["backup", "--quiet", "--time", time, "--host", "here", source] + options)
      try #require(outcome.code == 0, "backup: \(outcome.code)\n\(outcome.errors)")
    }
  }
}

@Suite(.onOwnThreads) struct RetentionTests {
  private func prepare(days: ClosedRange<Int> = 1...10) throws -> Workspace {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    try here.useKeyFile()
    try here.write("data", to: here.source + "/file")
    try here.backupDays(days)
    return here
  }

  @Test func rulesKeepAndForget() throws {
    let here = try prepare()
    let dry = try here.succeed("forget", "--keep-last", "2", "-w", "2", "--dry-run")
    #expect(dry.text.contains("Applying Policy: keep 2 latest, 2 weekly snapshots"))
    #expect(dry.text.contains("weekly snapshot") && dry.text.contains("would remove 7 snapshots"))
    #expect(try here.snapshots().count == 10)

    let groups = try here.succeed("forget", "--keep-last", "2", "-w", "2", "--json").document()
    #expect(groups.list.count == 1)
    let group = groups[0]
    #expect(group.keys == ["tags", "host", "paths", "keep", "remove", "reasons"])
    #expect(!group["tags"].exists && group["host"].string == "here")
    #expect(group["paths"].strings == [here.source])
    // 10 March 2026 is a Tuesday: the 10th and the 9th, and the 8th as the last of the week before.
    #expect(group["keep"].list.count == 3 && group["remove"].list.count == 7)
    #expect(
      group["reasons"].list.map { $0["matches"].strings } == [
        ["last snapshot", "weekly snapshot"], ["last snapshot"], ["weekly snapshot"],
      ])
    #expect(
      group["reasons"].list.map { $0["snapshot"]["id"].string }
        == group["keep"].list.map { $0["id"].string })
    #expect(
      try here.snapshots().compactMap { $0["time"].string?.prefix(10) }.map(String.init)
        == ["2026-03-08", "2026-03-09", "2026-03-10"])
    let entry = try #require(
      try here.succeed("log", "show", "--json").documents().last { $0["kind"].string == "forget" })
    #expect(entry["predicate"]["reason"].string == "keep 2 latest, 2 weekly snapshots")
    try here.succeed("log", "verify")
    try here.succeed("check")
  }

  /// What an unmounted disk leaves pushes nothing out, however often it is saved.
  @Test func emptySnapshotsPushNothingOut() throws {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    func live() throws -> [String] { try here.snapshots().compactMap { $0["id"].string } }
    func forget() throws -> [Document] {
      let text = try here.succeed("forget", "--keep-last", "2", "--json").text
      return try Document(parsing: text)[0]["reasons"].list
    }
    try here.write("content", to: here.source + "/file")
    try here.backup()
    try here.backup()
    let good = try live()
    try here.remove(here.source + "/file")
    for _ in 0..<4 {
      try here.backup()
      _ = try forget()
    }
    var left = try live()
    #expect(left.count == 3 && left.contains(good[1]) && !left.contains(good[0]))
    let spared = try forget().filter { $0["matches"].strings == ["last that is not empty"] }
    #expect(spared.count == 1)
    // A file of no bytes is a file; of those that had some the newest stays.
    try here.write("", to: here.source + "/file")
    try here.backup()
    _ = try forget()
    left = try live()
    #expect(left.count == 3 && left.contains(good[1]))
    // It stands in for no rule.
    try here.fail(1, "forget", "--keep-tag", "none", saying: ["refusing to remove all"])
    try here.write("more", to: here.source + "/file")
    try here.backup()
    _ = try forget()
    #expect(try live().count == 2)
  }

  @Test func idsAreForgottenAndNothingElse() throws {
    let here = try prepare(days: 1...4)
    let ids = try here.snapshots().compactMap { $0["id"].string }
    try here.succeed("forget", ids[0], "latest~1", ids[0])
    #expect(try here.snapshots().compactMap { $0["id"].string } == [ids[1], ids[3]])
    try here.fail(1, "forget", ids[0], saying: ["hint"])
    try here.fail(64, "forget", ids[1], "--keep-last", "1")
    try here.fail(64, "forget", ids[1], "--tag", "x")
    try here.fail(64, "forget", ids[1], "--simulate")
  }

  @Test func removingAllNeedsMoreThanAnOversight() throws {
    let here = try prepare(days: 1...3)
    try here.fail(64, "forget", saying: ["no policy was specified", "hint"])
    try here.fail(64, "forget", "--keep-last", "0", saying: ["no policy was specified"])
    try here.fail(64, "forget", "--unsafe-allow-remove-all")
    try here.fail(1, "forget", "--keep-tag", "nobody", saying: ["refusing to remove all", "hint"])
    #expect(try here.snapshots().count == 3)
    try here.succeed("forget", "--unsafe-allow-remove-all", "--tag", "nobody")
    #expect(try here.snapshots().count == 3)
    try here.succeed("forget", "--unsafe-allow-remove-all", "--tag", "")
    #expect(try here.snapshots().isEmpty)
  }

  @Test func groupsAndFilters() throws {
    let here = try prepare(days: 1...2)
    try here.backupDays(3...4, "--tag", "x")
    let byTag = try here.succeed(
      "forget", "--keep-last", "1", "--group-by", "tags", "--dry-run", "--json"
    ).document()
    #expect(byTag.list.map { $0["tags"].strings } == [[], ["x"]])
    #expect(byTag.list.map { $0["remove"].list.count } == [1, 1])
    #expect(byTag[0]["host"].string == "" && !byTag[0]["paths"].exists)
    let all = try here.succeed("forget", "-l", "1", "-g", "", "-n", "--json").document()
    #expect(all.list.map { $0["remove"].list.count } == [3])
    let tagged = try here.succeed("forget", "-l", "1", "--tag", "x", "-n", "--json").document()
    #expect(tagged.list.map { $0["remove"].list.count } == [1])
    try here.fail(64, "forget", "-l", "1", "-g", "colour")
    try here.fail(64, "forget", "-l", "minus one")
    try here.fail(64, "forget", "--keep-within", "3 fortnights")
    try here.fail(64, "forget", "-g", "host")
  }

  @Test func policiesAreSetObeyedAndRemoved() throws {
    let here = try prepare()
    try here.succeed(
      "policy", "set", "--keep-daily", "6", "--keep-tag", "gold", "--host", "here", here.source)
    try here.succeed("policy", "set", "--default", "--keep-last", "3")
    let shown = try here.succeed("policy", "show", "--host", "here", here.source)
    #expect(shown.text.contains("keep 6 daily snapshots and all snapshots with tags [[#"))
    #expect(shown.text.contains("its own policy"))
    let list = try here.succeed("policy", "list", "--json").document()
    #expect(list.list.map { $0["default"].flag } == [true, false])
    #expect(list[0]["keep"]["last"].number == 3 && list[1]["keep"]["daily"].number == 6)
    #expect(list[1]["hostname"].string == "here" && list[1]["paths"].strings == [here.source])
    let source = try #require(list[1]["source"].string)

    try here.fail(1, "forget", "-l", "2", saying: ["policy in force keeps", "--override-policy"])
    try here.fail(1, "forget", "latest", saying: ["policy in force keeps"])
    try here.fail(1, "forget", "latest", "--dry-run", saying: ["policy in force keeps"])
    #expect(try here.snapshots().count == 10)
    try here.succeed("forget")
    #expect(try here.snapshots().count == 6)
    let done = try here.succeed("forget", "-l", "2", "--override-policy")
    #expect(done.text.contains("Kept by the policy"))
    #expect(try here.snapshots().count == 2)
    let entry = try #require(
      try here.succeed("log", "show", "--json").documents().last { $0["kind"].string == "forget" })
    #expect(
      entry["predicate"]["reason"].string
        == "keep 2 latest snapshots; overrides the policy in force")

    try here.succeed("policy", "remove", "--source", String(source.prefix(9)))
    #expect(
      try here.succeed("policy", "show", "--host", "here", here.source).text.contains(
        "the default policy"))
    try here.fail(1, "policy", "remove", "--source", source, saying: ["hint"])
    try here.succeed("policy", "remove", "--default")
    try here.fail(1, "policy", "show", "--host", "here", here.source, saying: ["hint"])
    try here.fail(64, "policy", "set", "--default", saying: ["keeps nothing"])
    try here.fail(64, "policy", "set", "--keep-last", "1")
    try here.succeed("log", "verify")
  }

  @Test func heldSnapshotsStay() throws {
    let here = try prepare(days: 1...4)
    let ids = try here.snapshots().compactMap { $0["id"].string }
    try here.succeed("hold", "add", "--reason", "before the migration", ids[0])
    try here.succeed("hold", "add", "--permanent", ids[1])
    try here.succeed("hold", "add", "--until", "2999-01-01", ids[2])
    let list = try here.succeed("hold", "list", "--json").document()
    #expect(list.list.map { $0["permanent"].flag } == [false, true, false])
    #expect(list[0]["reason"].string == "before the migration")
    #expect(list[2]["until"].string?.hasPrefix("299") ?? false)
    try here.fail(1, "forget", ids[0], saying: ["holds the snapshot", "varve hold remove"])
    try here.fail(1, "forget", ids[1], "--override-policy", saying: ["permanent"])
    let kept = try here.succeed("forget", "-l", "1", "--json").document()
    #expect(
      kept[0]["reasons"].list.map { $0["matches"].strings } == [
        ["last snapshot"], ["hold"], ["hold"], ["hold"],
      ])
    #expect(try here.snapshots().count == 4)
    try here.fail(1, "hold", "remove", ids[1], saying: ["permanent"])
    try here.succeed("hold", "remove", ids[0], ids[2])
    try here.fail(1, "hold", "remove", ids[0], saying: ["not held"])
    try here.succeed("forget", "-l", "1")
    #expect(try here.snapshots().compactMap { $0["id"].string } == [ids[1], ids[3]])
    try here.fail(64, "hold", "add", "--until", "2001-01-01", ids[3])
    try here.fail(64, "hold", "add", "--until", "2999-01-01", "--permanent", ids[3])
    try here.fail(64, "hold", "add")
  }

  @Test func rolesAreObeyed() throws {
    let here = try prepare(days: 1...3)
    let latest = try #require(try here.snapshots().last?["id"].string)
    try here.addKeyFile("writer", role: "writer")
    try here.addKeyFile("reader", role: "reader")
    let (writer, reader) = (here.root + "/writer", here.root + "/reader")
    try here.fail(1, "forget", "-l", "1", "--key-file", reader, saying: ["hint"])
    try here.fail(1, "forget", "-l", "1", "--key-file", writer, saying: ["hint"])
    try here.fail(1, "forget", "-l", "1", "-n", "--key-file", writer, saying: ["hint"])
    try here.succeed("forget", "-l", "1", "-n", "--key-file", reader)
    try here.succeed("forget", "-l", "1", "--simulate", "--key-file", reader)
    try here.fail(
      1, "policy", "set", "--default", "-d", "3", "--key-file", writer,
      saying: ["first policy", "owner"])
    try here.succeed("policy", "set", "--default", "-d", "3")
    try here.succeed("policy", "set", "--default", "-d", "4", "--key-file", writer)
    try here.fail(
      1, "policy", "set", "--default", "-d", "3", "--key-file", writer, saying: ["loosen"])
    try here.fail(1, "policy", "remove", "--default", "--key-file", writer, saying: ["hint"])
    try here.fail(
      1, "policy", "set", "--default", "-d", "9", "--key-file", reader, saying: ["hint"])
    try here.succeed("policy", "list", "--key-file", writer)
    try here.succeed("hold", "add", latest, "--key-file", writer)
    try here.succeed("hold", "list", "--key-file", reader)
    try here.fail(1, "hold", "remove", latest, "--key-file", writer, saying: ["hint"])
    try here.fail(1, "hold", "add", latest, "--key-file", reader, saying: ["hint"])
    try here.succeed("hold", "remove", latest)
    try here.succeed("policy", "set", "--default", "-d", "2")
    #expect(try here.snapshots().count == 3)
  }

  /// A record's tags are whatever its author chose.
  @Test func tagsReachNoTerminalAsTheyAre() throws {
    let here = try prepare(days: 1...1)
    try here.backupDays(2...2, "--tag", "a\u{1b}[2Jb")
    for arguments in [
      ["snapshots", "--group-by", "tags"], ["forget", "-n", "-l", "1", "--group-by", "tags"],
      ["forget", "-n", "--keep-tag", "nobody", "--group-by", "tags"],
      ["forget", "-n", "--keep-tag", "a\u{1b}[2Jb", "--group-by", ""],
    ] {
      let outcome = try here.varve(arguments)
      let said = outcome.text + outcome.errors
      #expect(!said.utf8.contains(0x1b), "\(arguments)")
      #expect(arguments.contains("nobody") || said.contains("a\\x1b[2Jb"), "\(said)")
    }
  }

  @Test func theYearToCome() throws {
    let here = try prepare()
    let size = try here.succeed("log", "show", "--json").documents().count
    let text = try here.succeed(
      "forget", "--simulate", "--every", "1h", "-l", "2", "-d", "7", "-m", "12")
    #expect(text.text.contains("a backup every 1h (as given)"))
    #expect(text.text.contains("keep-daily 7") && text.text.contains("forgotten now"))
    let document = try here.succeed(
      "forget", "--simulate", "-l", "2", "-d", "7", "-m", "12", "--json"
    ).document()
    #expect(document["message_type"].string == "simulation")
    let group = document["groups"][0]
    #expect(group["interval"].number == 86_400 && group["interval_source"].string == "observed")
    let months = group["months"].list
    #expect(months.count == 12)
    #expect(months[11]["rules"].list.map { $0["snapshots"].number } == [2, 7, 12])
    #expect(months[11]["snapshots"].list.count == months[11]["snapshots_count"].number)
    let costs = document["costs"].list
    #expect(costs.map { $0["option"].string } == ["--keep-last", "--keep-daily", "--keep-monthly"])
    #expect(costs.map { $0["snapshots"].number } == [2, 7, 2])
    let total = try #require(document["total_size"].number)
    #expect(costs.allSatisfy { ($0["bytes"].number ?? -1) <= total })
    #expect(try #require(costs[1]["bytes"].number) > 0)
    #expect(document["forgotten_snapshots"].number == 2 && document["freed"].number ?? 0 > 0)
    #expect(try here.succeed("log", "show", "--json").documents().count == size)
    try here.fail(64, "forget", "--simulate", "--every", "often", "-l", "1")
    try here.fail(64, "forget", "--every", "1h", "-l", "1")
  }

  @Test func twoForgetsAtOnce() throws {
    let here = try prepare(days: 1...8)
    let one = try here.start("forget", "-l", "3", "--json")
    let other = try here.start("forget", "-l", "3", "--json")
    let outcomes = [try one.wait(), try other.wait()]
    #expect(outcomes.map(\.code) == [0, 0], "\(outcomes.map(\.errors))")
    // Within one second both may sign the very same entry; then both have done it.
    let removed = Set(try outcomes.map { try $0.document()[0]["remove"].list.count })
    #expect(removed.isSubset(of: [0, 5]) && removed.contains(5), "\(removed)")
    let entries = try here.succeed("log", "show", "--json").documents()
    #expect(entries.count { $0["kind"].string == "forget" } == 1)
    #expect(try here.snapshots().count == 3)
    try here.succeed("log", "verify")
    try here.succeed("check")
  }
}
