import Glibc
import Testing
import VarveTestThreads

/// The commands that look into snapshots without restoring them.
@Suite(.onOwnThreads) struct ReadingTests {
  private func prepare() throws -> Workspace {
    let here = try Workspace()
    try here.write("alpha", to: here.source + "/a/alpha.txt")
    try here.write("beta", to: here.source + "/b/beta.md")
    try here.write("gamma", to: here.source + "/gamma")
    symlink("gamma", here.source + "/link")
    chmod(here.source + "/gamma", 0o4751)
    try here.initializeWithKeyFile()
    try here.backup(here.source, "--tag", "first", "--host", "one")
    try here.write("beta, changed", to: here.source + "/b/beta.md")
    try here.write("delta", to: here.source + "/d/delta")
    unlink(here.source + "/a/alpha.txt")
    try here.backup(here.source, "--tag", "second", "--host", "one")
    return here
  }

  @Test func snapshotsInTextAndJSON() throws {
    let here = try prepare()
    let snapshots = try here.snapshots()
    #expect(snapshots.count == 2)
    let required: Set = [
      "time", "tree", "paths", "hostname", "username", "uid", "gid", "tags", "program_version",
      "id", "short_id",
      "summary",
    ]
    #expect(required.subtracting(snapshots[1].keys).isEmpty, "\(snapshots[1].keys)")
    #expect(snapshots[1]["parent"].string == snapshots[0]["id"].string)
    let text = try here.succeed("snapshots").text
    for snapshot in snapshots { #expect(text.contains(try #require(snapshot["short_id"].string))) }
    #expect(text.contains("second"))
    #expect(try here.snapshots("--tag", "first").count == 1)
    #expect(try here.snapshots("--host", "nobody").isEmpty)
    #expect(try here.snapshots("--path", here.source).count == 2)
    #expect(try here.snapshots("latest").count == 1)
  }

  @Test func selectors() throws {
    let here = try prepare()
    let snapshots = try here.snapshots()
    let (first, second) = (
      try #require(snapshots[0]["id"].string), try #require(snapshots[1]["id"].string)
    )
    let path = here.source + "/b/beta.md"
    for (selector, content) in [
      (first, "beta"), (String(first.prefix(10)), "beta"), ("latest~1", "beta"),
      ("latest", "beta, changed"),
      ("latest~0", "beta, changed"), (second, "beta, changed"),
    ] {
      #expect(try here.succeed("dump", selector, path).text == content, "\(selector)")
    }
    #expect(try here.succeed("dump", "latest:\(here.source)/b", "/beta.md").text == "beta, changed")
    try here.fail(1, "ls", "latest~2", saying: ["hint"])
    try here.fail(1, "ls", "0000000000", saying: ["0000000000", "hint"])
    try here.fail(64, "ls", "no hexadecimal", saying: ["no hexadecimal", "hint"])
  }

  @Test func listing() throws {
    let here = try prepare()
    let text = try here.succeed("ls", "latest").text
    #expect(text.contains(here.source + "/d/delta"))
    #expect(!text.contains("alpha"))
    let long = try here.succeed("ls", "-l", "latest").text
    #expect(long.contains("-rws") || long.contains("rwsr"), "\(long)")
    let nodes = try here.succeed("ls", "latest", "--json").documents()
    let gamma = try #require(nodes.first { $0["path"].string == here.source + "/gamma" })
    #expect(gamma["type"].string == "file")
    #expect(gamma["size"].number == 5)
    #expect(gamma["name"].string == "gamma")
    #expect(gamma["mtime"].exists)
    #expect(gamma["permissions"].exists)
    let link = try #require(nodes.first { $0["path"].string == here.source + "/link" })
    #expect(link["type"].string == "symlink")
    let below = try here.succeed("ls", "latest", here.source + "/b").text
    #expect(below.contains("beta.md"))
    #expect(!below.contains("delta"))
  }

  @Test func finding() throws {
    let here = try prepare()
    let text = try here.succeed("find", "*.md").text
    #expect(text.contains("b/beta.md"))
    let found = try here.succeed("find", "--json", "alpha*").document()
    #expect(found.list.count == 1, "in one of two snapshots")
    #expect(found[0]["hits"].number == 1)
    #expect(found[0]["matches"][0]["path"].string == here.source + "/a/alpha.txt")
    #expect(found[0]["snapshot"].string == (try here.snapshots()[0]["id"].string))
    #expect(try here.succeed("find", "--json", "nothing like it").document().list.isEmpty)
  }

  @Test func differences() throws {
    let here = try prepare()
    let text = try here.succeed("diff", "latest~1", "latest").text
    #expect(text.contains("+    \(here.source)/d/delta"))
    #expect(text.contains("-    \(here.source)/a/alpha.txt"))
    #expect(text.contains("M    \(here.source)/b/beta.md"))
    let lines = try here.succeed("diff", "--json", "latest~1", "latest").documents()
    let changes = lines.filter { $0["message_type"].string == "change" }
    let byPath = Dictionary(
      changes.map { ($0["path"].string ?? "", $0["modifier"].string ?? "") },
      uniquingKeysWith: { a, _ in a })
    #expect(byPath[here.source + "/d/delta"] == "+")
    #expect(byPath[here.source + "/a/alpha.txt"] == "-")
    #expect(byPath[here.source + "/b/beta.md"]?.contains("M") == true)
    let statistics = try #require(lines.last { $0["message_type"].string == "statistics" })
    #expect(statistics["changed_files"].number == 1)
    let same = try here.succeed("diff", "--json", "latest", "latest").documents()
    #expect(same.allSatisfy { $0["message_type"].string != "change" })
  }

  @Test func statistics() throws {
    let here = try prepare()
    let restored = try here.succeed("stats", "--json", "latest").document()
    #expect(restored["total_size"].number == 5 + 13 + 5)
    #expect(try #require(restored["total_file_count"].number) >= 3)
    #expect(restored["snapshots_count"].number == 1)
    let all = try here.succeed("stats", "--json").document()
    #expect(all["snapshots_count"].number == 2)
    let raw = try here.succeed("stats", "--json", "--mode", "raw-data").document()
    #expect(try #require(raw["total_size"].number) > 0)
  }

  @Test func archivesEqualWhatTarExtracts() throws {
    let here = try Workspace()
    try here.makeAwkwardTree(
      "--sparse-size", "100000000", "--siblings", "50", "--tiny", "100", "--depth", "60",
      "--long-path-levels", "10")
    try here.initializeWithKeyFile()
    try here.backup()
    let archive = try here.succeed("dump", "latest", here.source, "--archive", "tar")
    try here.write(archive.output, to: here.root + "/archive.tar")
    mkdir(here.target, 0o755)
    let tar = try here.run(
      [
        "tar", "-xpf", here.root + "/archive.tar", "-C", here.target, "--xattrs",
        "--xattrs-include=*", "--acls",
        "--numeric-owner", "--same-owner",
      ])
    #expect(tar.code == 0, "\(tar.errors)")
    let root = here.exists(here.target + here.source) ? here.target + here.source : here.target
    // A tar stream carries neither inode flags nor holes; GNU tar makes hard links of everything but directories.
    try here.expectEqual(
      here.source, root, "--skip-root", "--skip", "socket", "--ignore", "flags", "--ignore", "data")
    let listing = try here.run(["tar", "-tvf", here.root + "/archive.tar"])
    #expect(listing.code == 0)
  }

  @Test func dumpingBytes() throws {
    let here = try prepare()
    #expect(try here.succeed("dump", "latest", here.source + "/gamma").text == "gamma")
    try here.fail(1, "dump", "latest", here.source + "/nothing", saying: ["nothing"])
    // The name has a byte that is not UTF-8 and a line feed; Swift strings cannot carry it, Python's arguments can.
    let make =
      "import os,sys; open(os.fsencode(sys.argv[1]) + b'/odd \\xff\\n', 'wb').write(b'odd')"
    #expect(try here.run([Tools.python, "-c", make, here.source]).code == 0)
    try here.backup()
    let dump =
      "import os,sys; v, s = map(os.fsencode, sys.argv[1:]); os.execv(v, [v, b'dump', b'latest', s + b'/odd \\xff\\n'])"
    let dumped = try here.run([Tools.python, "-c", dump, Tools.varve, here.source])
    #expect(dumped.text == "odd", "\(dumped.errors)")
  }

  @Test func rawObjects() throws {
    let here = try prepare()
    let identifier = try #require(try here.snapshots()[0]["id"].string)
    let record = try here.succeed("cat", "snapshot", identifier).document()
    #expect(record["paths"].strings == [here.source])
    #expect(try here.succeed("cat", "config").document()["format"].number == 1)
  }

  @Test func tagsChangeAndTheOriginalIsKept() throws {
    let here = try prepare()
    let before = try here.snapshots()
    try here.succeed("tag", "--add", "kept", "latest")
    try here.succeed("tag", "--remove", "second", "latest")
    let after = try here.snapshots()
    #expect(after.count == 2)
    #expect(after[1]["tags"].strings == ["kept"])
    #expect(after[1]["original"].string == before[1]["id"].string)
    #expect(after[1]["tree"].string == before[1]["tree"].string)
    try here.succeed("tag", "--set", "only", "latest")
    #expect(try here.snapshots()[1]["tags"].strings == ["only"])
    #expect(try here.snapshots()[1]["original"].string == before[1]["id"].string)
    try here.succeed("log", "verify")
    try here.succeed("check")
  }
}
