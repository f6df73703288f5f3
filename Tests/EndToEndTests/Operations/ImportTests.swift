import Glibc
import Testing
import VarveTestThreads

/// `varve import tar`, with the archives of GNU tar, Python's tarfile and `varve dump`.
@Suite(.onOwnThreads) struct ImportTests {
  private static let maker = Tools.sources + "/fixtures/generate/archives.py"

  private func prepare() throws -> Workspace {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    try here.useKeyFile()
    return here
  }

  private func tree(_ here: Workspace, _ selector: String = "latest") throws -> String {
    try #require(try here.succeed("ls", "--json", selector).documents()[0]["tree"].string)
  }

  @Test func whatWasDumpedIsTheSameTree() throws {
    let here = try prepare()
    try here.makeAwkwardTree(
      "--sparse-size", "100000000", "--siblings", "50", "--tiny", "100", "--depth", "60",
      "--long-path-levels", "10")
    // What no archive keeps: inode flags, links to elsewhere.
    try here.backup(here.source, "--host", "original")
    let archive = try here.succeed("dump", "latest", here.source, "--archive", "tar").output
    try here.succeed("import", "tar", "-", "--host", "imported", input: archive)
    let differences = try here.succeed("diff", "--json", "latest~1", "latest", "--metadata")
      .documents().filter { $0["message_type"].string == "change" }
    // The directories above what was archived are not in it.
    // Nor is what tar has no place for: inode flags.
    let below = differences.compactMap { $0["path"].string }.filter {
      $0.hasPrefix(here.source + "/") && !$0.hasPrefix(here.source + "/flags/")
    }
    #expect(below.isEmpty, "\(below.prefix(10))")
    try here.succeed("restore", "latest", "--target", here.target)
    try here.expectEqual(
      here.source, here.target + here.source, "--ignore", "flags", "--skip", "socket")
  }

  /// What lies behind the end mark of an archive that was put together from two is said to be missing.
  @Test func archivesThatWerePutTogether() throws {
    let here = try prepare()
    try here.write("1", to: here.source + "/one")
    try here.write("2", to: here.source + "/two")
    let outcome = try here.run([
      "sh", "-c",
      """
      set -e; cd '\(here.source)'; tar cf ../a.tar one; tar cf ../b.tar two
      cat ../a.tar ../b.tar > ../both.tar; gzip -k ../a.tar ../b.tar; cat ../a.tar.gz ../b.tar.gz > ../both.tar.gz
      """,
    ])
    try #require(outcome.code == 0, "\(outcome.errors)")
    for name in ["both.tar", "both.tar.gz"] {
      try here.fail(3, "import", "tar", "\(here.root)/\(name)", saying: ["behind its end mark"])
      #expect(String(decoding: try here.succeed("ls", "latest").output, as: UTF8.self) == "/one\n")
    }
  }

  /// A few bytes that claim to be a file of 8 EiB are no reason to hash so many zeros.
  @Test func aMemberThatIsLargerThanAnyFile() throws {
    let here = try prepare()
    let script = """
      import io, sys, tarfile
      archive = tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT)
      for name, size in (('huge', (1 << 63) - 1), ('small', None)):
          member = tarfile.TarInfo(name)
          member.size = 1
          if size:
              member.pax_headers = {'GNU.sparse.size': str(size), 'GNU.sparse.map': '0,1', 'GNU.sparse.numblocks': '1'}
          archive.addfile(member, io.BytesIO(b'x'))
      archive.close()
      """
    let outcome = try here.run([Tools.python, "-c", script, here.root + "/sparse.tar"])
    try #require(outcome.code == 0, "\(outcome.errors)")
    try here.fail(
      3, "import", "tar", here.root + "/sparse.tar", saying: ["huge", "more than a file"])
    #expect(String(decoding: try here.succeed("ls", "latest").output, as: UTF8.self) == "/small\n")
  }

  @Test(arguments: ["gnu", "pax", "ustar", "oldgnu", "v7"])
  func formatsOfGNUTar(_ format: String) throws {
    let here = try prepare()
    try here.makeSmallTree()
    link(here.source + "/hello.txt", here.source + "/dir1/hard")
    try here.write(String(repeating: "long ", count: 10), to: here.source + "/dir2/f")
    if format != "v7", format != "ustar" {
      let long = String(repeating: "n", count: 200)
      try here.write("x", to: here.source + "/\(long)/\(long)")
      symlink(long + "/" + long, here.source + "/long-link")
      let sparse = open(here.source + "/sparse", O_CREAT | O_WRONLY, 0o640)
      pwrite(sparse, "begin", 5, 0)
      for index in 1..<40 { pwrite(sparse, "data", 4, off_t(index) << 20) }
      ftruncate(sparse, 50 << 20)
      close(sparse)
    }
    // Whole seconds, which every format has.
    _ = try here.run(["find", here.source, "-exec", "touch", "-h", "-d", "@1700000000", "{}", "+"])
    for (name, options) in [
      ("plain.tar", []), ("zipped.tar.gz", ["-z"]), ("zstd.tar.zst", ["--zstd"]),
    ] {
      let file = here.root + "/" + name
      let made = try here.run(
        ["tar", "-cf", file, "--format=\(format)"] + options
          + (format == "v7" || format == "ustar" ? [] : ["--sparse"]) + ["-C", here.source, "."])
      try #require(made.code == 0, "\(made.errors)")
      try here.succeed("import", "tar", file, "--as-path", "/data")
      let target = "\(here.target)-\(name)"
      try here.succeed("restore", "latest", "--target", target)
      try here.expectEqual(here.source, target + "/data")
    }
    // The same members make the same tree, however they were compressed.
    #expect(try tree(here) == tree(here, "latest~1"))
    #expect(try tree(here) == tree(here, "latest~2"))
    // And that of a backup of the directory.
    try here.backup(here.source, "--as-path", "/data", "--host", "walked")
    let difference = try here.succeed("diff", "--json", "latest~1:/data", "latest:/data")
      .documents().filter { $0["message_type"].string == "change" }
    #expect(difference.isEmpty, "\(difference.prefix(5))")
  }

  private static let measure = """
    import resource, subprocess, sys
    code = subprocess.run(sys.argv[2:]).returncode
    open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
    sys.exit(code if code >= 0 else 128 - code)
    """

  @Test func hostileArchives() throws {
    let here = try prepare()
    let made = try here.run([Tools.python, Self.maker, here.root + "/archives"])
    try #require(made.code == 0, "\(made.errors)")
    // Each line: what the program must say, its exit code, the archive, and words of its message.
    for line in made.lines {
      let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      let (name, code, words) = (parts[0], try #require(Int32(parts[1])), parts[2])
      let before = try here.snapshots().count
      // By a small process: a child's peak is not less than what its parent had when it was started.
      let outcome = try here.run([
        Tools.python, "-c", Self.measure, here.root + "/peak", Tools.varve, "import", "tar",
        "\(here.root)/archives/\(name)",
      ])
      let peak = Int(try here.text(of: here.root + "/peak")) ?? .max
      #expect(
        outcome.signal == nil && outcome.code == code, "\(name): \(outcome.code) \(outcome.errors)")
      #expect(outcome.errors.contains(words), "\(name): \(outcome.errors)")
      #expect(peak < 700 << 10, "\(name): \(peak) KiB")
      #expect(try here.snapshots().count == before + (code == 1 ? 0 : 1), "\(name)")
      guard code != 1, parts[3] != "" else { continue }
      let paths = try here.succeed("ls", "--json", "latest").documents().dropFirst()
        .compactMap { node in node["path"].string.map { "\($0)=\(node["type"].string ?? "")" } }
      #expect(paths.joined(separator: " ") == parts[3], "\(name)")
    }
    #expect(!here.exists(here.root + "/escaped"))
    try here.succeed("check", "--read-data")
  }

  @Test func truncationAnywhereIsSeen() throws {
    let here = try prepare()
    try here.makeSmallTree(files: 4, largest: 3_000)
    for (name, option) in [("a.tar.gz", "-z"), ("a.tar.zst", "--zstd")] {
      let file = here.root + "/" + name
      _ = try here.run(["tar", "-cf", file, option, "-C", here.source, "."])
      let whole = try here.read(file)
      var generator = SeededGenerator(seed: 9)
      for _ in 0..<Tools.rounds(8, soak: 200) {
        let length = Int.random(in: 0..<whole.count, using: &generator)
        let outcome = try here.varve("import", "tar", "-", input: Array(whole[..<length]))
        #expect(outcome.code == 1, "\(name) \(length): \(outcome.errors)")
        var flipped = whole
        flipped[Int.random(in: 10..<whole.count - 4, using: &generator)] ^= 0x10
        let damaged = try here.varve("import", "tar", "-", input: flipped)
        // A bit of gzip's own header says nothing of the content.
        #expect(damaged.signal == nil && [0, 1, 3].contains(damaged.code), "\(damaged.errors)")
      }
    }
    #expect(try here.snapshots().count <= 2)
  }

  @Test func timesAndMetadata() throws {
    let here = try prepare()
    try here.makeSmallTree(files: 3)
    let file = here.root + "/casino_20260301_0230.tar"
    _ = try here.run(["tar", "-cf", file, "-C", here.source, "."])
    _ = try here.run(["touch", "-d", "2026-03-01T09:00:00.123456789Z", file])
    try here.succeed("import", "tar", file, "--tag", "old", "--meta", "a=b", "--host", "h")
    try here.succeed("import", "tar", file, "--time-from-name", "*_%Y%m%d_%H%M.tar")
    try here.succeed("import", "tar", file, "--time", "2020-01-01 00:00:00")
    let snapshots = try here.snapshots()
    #expect(
      snapshots.compactMap { $0["time"].string?.prefix(19) } == [
        "2020-01-01T00:00:00", "2026-03-01T02:30:00", "2026-03-01T09:00:00",
      ])
    let first = try #require(snapshots.last)
    #expect(first["hostname"].string == "h")
    #expect(first["meta"]["a"].string == "b")
    #expect(first["meta"]["archive"].string == "casino_20260301_0230.tar")
    let sum = try here.run(["sha256sum", file]).text.prefix(64)
    #expect(first["meta"]["archive-sha256"].string == String(sum))
    try here.fail(64, "import", "tar", file, "--time-from-name", "%Y%m.tar", saying: ["day"])
    try here.fail(64, "import", "tar", file, "--time-from-name", "x%s", saying: ["time"])
    try here.succeed("import", "tar", file, "--host", "h", "--skip-if-unchanged")
    #expect(try here.snapshots().count == 3)
    // One that cannot be read does not keep the others from being imported.
    try here.fail(1, "import", "tar", passwordless(here), file, saying: ["1 of 2"])
    #expect(try here.snapshots().count == 4)
  }

  private func passwordless(_ here: Workspace) -> String { here.root + "/nowhere.tar" }

  /// Nightly archives of a tree of which a hundredth changes, against one of them, compressed by zstd.
  @Test func nightlyArchivesDeduplicate() throws {
    let here = try prepare()
    let files = Tools.rounds(200, soak: 2_000)
    let nights = 30
    let script = Tools.sources + "/fixtures/generate/nightly.py"
    let made = try here.run([
      Tools.python, script, here.root + "/nights", "\(files)", "100000", "\(nights)",
    ])
    try #require(made.code == 0, "\(made.errors)")
    let archives = (0..<nights).map {
      "\(here.root)/nights/night-\($0 < 10 ? "0" : "")\($0).tar.gz"
    }
    let before = here.storedBytes()
    let outcome = try here.varve(["import", "tar"] + archives)
    try #require(outcome.code == 0, "\(outcome.errors)")
    let stored = here.storedBytes() - before
    let one = try here.run([
      "sh", "-c", "gzip -dc \(archives[0]) | zstd -3 -q | wc -c",
    ]).text.split(separator: "\n").first.flatMap { Int($0) }
    let single = try #require(one)
    let ratio = Double(stored) / Double(single)
    print(
      "30 nights: \(stored) bytes stored, one is \(single): \(ratio) times; \(outcome.seconds) s")
    #expect(ratio <= 1.5)
    #expect(try here.snapshots().count == nights)
  }

  /// Numbers and names that are too large for a snapshot are left out of it, not the file.
  @Test func anOwnerThatIsTooLarge() throws {
    let here = try prepare()
    let script = """
      import io, sys, tarfile
      archive = tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT)
      member = tarfile.TarInfo('file')
      member.size, member.gid, member.uname = 1, 1 << 32, 'u' * 5000
      archive.addfile(member, io.BytesIO(b'x'))
      archive.close()
      """
    let made = try here.run([Tools.python, "-c", script, here.root + "/owners.tar"])
    try #require(made.code == 0, "\(made.errors)")
    let outcome = try here.fail(
      3, "import", "tar", here.root + "/owners.tar",
      saying: ["its group 4294967296 is too large; it is kept as 65534", "name is too long"])
    #expect(outcome.text.contains("2 problems: what is named above is in the snapshot, but not"))
    #expect(!outcome.text.contains("is not in the snapshot"))
    #expect(try here.succeed("ls", "latest").text == "/file\n")
  }
}
