import Testing
import VarveTestThreads

@Suite(.onOwnThreads) struct ProposalTests {
  /// A repository with three owners, of whom two have to agree.
  private func twoOfThree() throws -> Workspace {
    let here = try Workspace()
    try here.makeSmallTree(files: 2, largest: 100)
    try here.succeed("init")
    try here.backup()
    try here.write("more", to: here.source + "/more")
    try here.backup()
    for name in ["first", "second"] {
      try here.succeed("key", "add", "--new-key-file", here.root + "/" + name, "--label", name)
    }
    try here.succeed("key", "threshold", "2")
    here.environment["VARVE_PASSWORD_FILE"] = nil
    return here
  }

  private func use(_ name: String, _ here: Workspace) {
    here.environment["VARVE_KEY_FILE"] = here.root + "/" + name
  }

  @Test func forgetNeedsTwo() throws {
    let here = try twoOfThree()
    use("first", here)
    let oldest = try #require(try here.snapshots().first?["id"].string)
    try here.fail(1, "forget", oldest, saying: ["2 owners", "--propose"])
    let proposed = try here.succeed("forget", oldest, "--propose", "--json").document()
    let entry = try #require(proposed["entries"][0].number)
    #expect(try here.snapshots().count == 2)
    here.environment["VARVE_KEY_FILE"] = nil
    let listed = try here.succeed("proposal", "list", "--json").document()
    #expect(listed.list.count == 1)
    #expect(listed[0]["kind"].string == "forget")
    #expect(listed[0]["needed"].number == 2)
    use("first", here)
    try here.fail(1, "proposal", "approve", "\(entry)", saying: ["already", "another owner"])
    use("second", here)
    let outcome = try here.succeed("proposal", "approve", "\(entry)", "--json").document()
    #expect(outcome["carried_out"].number == entry + 2)
    #expect(try here.snapshots().count == 1)
    #expect(try here.succeed("proposal", "list", "--json").document().list.isEmpty)
    try here.fail(1, "proposal", "approve", "\(entry)", saying: ["carried out"])
    #expect(try here.varve("audit").code == 0)
  }

  @Test func everythingThatCannotBeTakenBack() throws {
    let here = try twoOfThree()
    use("first", here)
    // Without a policy everything is kept.
    try here.fail(1, "policy", "set", "--default", "--keep-last", "3", saying: ["owners"])
    let first = try here.succeed(
      "policy", "set", "--default", "--keep-last", "3", "--propose", "--json"
    ).document()
    let policy = try #require(first["entries"][0].number)
    use("second", here)
    try here.succeed("proposal", "approve", "\(policy)")
    use("first", here)
    try here.succeed("policy", "set", "--default", "--keep-last", "4")
    try here.succeed("hold", "add", "latest")
    try here.fail(1, "policy", "set", "--default", "--keep-last", "2", saying: ["owners"])
    try here.fail(1, "policy", "remove", "--default", saying: ["owners"])
    try here.fail(1, "hold", "remove", "latest", saying: ["owners"])
    try here.fail(1, "key", "threshold", "1", saying: ["owners"])
    try here.fail(1, "key", "add", "--new-key-file", here.root + "/third", saying: ["owners"])
    // A writer is no owner.
    try here.succeed("key", "add", "--role", "writer", "--new-key-file", here.root + "/writer")
    for command in [
      ["policy", "remove", "--default"], ["hold", "remove", "latest"],
      ["key", "add", "--new-key-file", here.root + "/fourth"], ["key", "threshold", "1"],
    ] {
      use("first", here)
      let said = try here.varve(command + ["--propose", "--json"])
      let entry = try #require(try said.document()["entries"][0].number, "\(said.errors)")
      use("second", here)
      try here.succeed("proposal", "approve", "\(entry)")
    }
    use("fourth", here)
    #expect(try here.snapshots().count == 2)
    try here.succeed("forget", "latest")
    #expect(try here.succeed("key", "threshold", "--json").document()["threshold"].number == 1)
    #expect(try here.varve("audit").code == 0)
    #expect(try here.varve("check").code == 0)
  }

  @Test func whatCannotBeCarriedOutIsNotApproved() throws {
    let here = try twoOfThree()
    use("first", here)
    let oldest = try #require(try here.snapshots().first?["id"].string)
    let said = try here.succeed("forget", oldest, "--propose", "--json").document()
    let first = try #require(said["entries"][0].number)
    try here.fail(
      1, "forget", oldest, "--propose", saying: ["log entry \(first)", "proposal approve \(first)"])
    use("second", here)
    try here.succeed("hold", "add", oldest)
    let size = try here.logEntries().count
    try here.fail(
      1, "proposal", "approve", "\(first)", saying: ["cannot be carried out now", "holds", "hint"])
    #expect(try here.logEntries().count == size)
    #expect(try here.succeed("proposal", "list", "--json").document()[0]["agree"].list.count == 1)
    #expect(try here.snapshots().count == 2)
  }

  /// The way that a hint names must be there.
  @Test func theRecoveryKeyProposesAnOwner() throws {
    let here = try twoOfThree()
    let recovery = here.root + "/recovery"
    use("first", here)
    try here.succeed("key", "export", recovery)
    let new = here.root + "/new"
    try here.fail(
      1, "key", "import", recovery, "--new-key-file", new, saying: ["owners", "--propose"])
    #expect(!here.exists(new))
    try here.fail(
      1, "tag", "--add", "x", "latest", saying: ["owners", "key threshold 1 --propose"])
    let said = try here.succeed(
      "key", "import", recovery, "--new-key-file", new, "--propose", "--json"
    ).document()
    let entry = try #require(said["entries"][0].number)
    for name in ["first", "second"] {
      use(name, here)
      try here.succeed("proposal", "approve", "\(entry)")
    }
    use("new", here)
    #expect(try here.succeed("key", "list", "--json").document().list.count == 4)
  }

  @Test func nobodyLocksEverybodyOut() throws {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    try here.succeed("key", "add", "--new-key-file", here.root + "/second")
    let keys = try here.succeed("key", "list", "--json").document().list
    let ids = keys.compactMap { $0["id"].string }
    let password = try #require(ids.first)
    try here.succeed("key", "remove", password)
    let (mine, other) = (ids[1], ids[2])
    use("second", here)
    let said = try here.succeed("key", "remove", mine, "--propose", "--json").document()
    let entry = try #require(said["entries"][0].number)
    here.environment["VARVE_KEY_FILE"] = here.ownerKeyFile
    try here.succeed("key", "remove", other)
    try here.fail(1, "proposal", "approve", "\(entry)", saying: ["credential in use", "hint"])
    #expect(try here.succeed("key", "list", "--json").document().list.count == 1)
  }

  @Test func aRotatedPasswordStaysTheSame() throws {
    let here = try Workspace()
    try here.makeSmallTree(files: 2, largest: 100)
    try here.succeed("init")
    try here.backup()
    let before = try here.succeed("key", "list", "--json").document()[0]
    try here.succeed("key", "rotate")
    let after = try here.succeed("key", "list", "--json").document()
    #expect(after.list.count == 1)
    #expect(after[0]["author"].string != before["author"].string)
    #expect(after[0]["current"].bool == true)
    try here.backup()
    // A key file of somebody else.
    try here.succeed(
      "key", "add", "--role", "writer", "--label", "web", "--new-key-file", here.root + "/old")
    let writer = try #require(
      try here.succeed("key", "list", "--json").document().list.first {
        $0["label"].string == "web"
      }?["id"].string)
    try here.succeed(
      "key", "rotate", String(writer.prefix(10)), "--new-key-file", here.root + "/new")
    let list = try here.succeed("key", "list", "--json").document().list
    #expect(list.count == 2)
    here.environment["VARVE_PASSWORD_FILE"] = nil
    try here.fail(12, "backup", here.source, "--key-file", here.root + "/old")
    try here.succeed("backup", here.source, "--key-file", here.root + "/new")
    try here.fail(
      64, "key", "rotate", "--new-key-file", here.root + "/x", "--key-file", here.root + "/new")
    try here.fail(1, "key", "rotate", "--key-file", here.root + "/new", saying: ["writer"])
    #expect(try here.varve("audit").code == 0)
  }
}
