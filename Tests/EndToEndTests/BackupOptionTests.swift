import Glibc
import Testing
import VarveTestThreads

@Suite(.onOwnThreads) struct BackupOptionTests {
  /// Paths of a snapshot's files below the source, as `ls` gives them.
  private func listed(_ here: Workspace, _ snapshot: String = "latest") throws -> Set<String> {
    let outcome = try here.succeed("ls", snapshot, "--json")
    let nodes = try outcome.documents().filter {
      $0["type"].string == "file" || $0["struct_type"].string == "node"
    }
    return Set(
      nodes.compactMap { $0["path"].string }.filter { $0.hasPrefix(here.source + "/") }
        .map { String($0.dropFirst(here.source.count + 1)) })
  }

  private func prepare(_ files: String...) throws -> Workspace {
    let here = try Workspace()
    for file in files { try here.write("content of \(file)", to: here.source + "/" + file) }
    try here.initializeWithKeyFile()
    return here
  }

  @Test func excludePatterns() throws {
    let here = try prepare(
      "keep.txt", "drop.o", "sub/drop.o", "sub/keep.o.txt", "cache/x", "sub/cache/y", "UPPER.TMP",
      "a/b/c/deep.log",
      "a/kept.log", "back/important.bak")
    try here.write("*.bak\n# a comment\n\n!important.bak\n", to: here.root + "/patterns")
    try here.backup(
      here.source, "-e", "*.o", "--exclude", "\(here.source)/cache", "--iexclude", "*.tmp",
      "--exclude", "b/**/*.log", "--exclude-file", here.root + "/patterns")
    let paths = try listed(here)
    for path in [
      "keep.txt", "sub/keep.o.txt", "sub/cache/y", "a/kept.log", "a/b/c", "back/important.bak",
    ] {
      #expect(paths.contains(path), "\(path) is kept")
    }
    for path in ["drop.o", "sub/drop.o", "cache", "cache/x", "UPPER.TMP", "a/b/c/deep.log"] {
      #expect(!paths.contains(path), "\(path) is excluded")
    }
    #expect(try here.snapshots()[0]["excludes"].strings.contains("*.o"))
  }

  @Test func cacheDirectoriesMarkersAndLargeFiles() throws {
    let here = try prepare(
      "cached/data", "fake/data", "marked/data", "headed/data", "unheaded/data", "small")
    try here.write(
      "Signature: 8a477f597d28d172789f06886806bc55\n# comment",
      to: here.source + "/cached/CACHEDIR.TAG")
    try here.write("not a signature", to: here.source + "/fake/CACHEDIR.TAG")
    try here.write("", to: here.source + "/marked/.nobackup")
    try here.write("HEAD and more", to: here.source + "/headed/.marker")
    try here.write("other", to: here.source + "/unheaded/.marker")
    try here.write([UInt8](repeating: 1, count: 3000), to: here.source + "/large")
    try here.backup(
      here.source, "--exclude-caches", "--exclude-if-present", ".nobackup", "--exclude-if-present",
      ".marker:HEAD", "--exclude-larger-than", "2K")
    let paths = try listed(here)
    for path in ["cached/CACHEDIR.TAG", "fake/data", "unheaded/data", "small", "marked"] {
      #expect(paths.contains(path), "\(path) is kept")
    }
    for path in ["cached/data", "marked/data", "headed/data", "large"] {
      #expect(!paths.contains(path), "\(path) is excluded")
    }
  }

  @Test func listsOfFiles() throws {
    let here = try prepare("one.txt", "two.txt", "three", "[odd]", "line\nbreak", " spaces ")
    let list = here.root + "/list"
    try here.write("# comment\n\(here.source)/*.txt\n\n", to: list)
    try here.backup("--files-from", list)
    #expect(try listed(here) == ["one.txt", "two.txt"])
    try here.write("\(here.source)/[odd]\n\(here.source)/ spaces \n", to: list)
    try here.backup("--files-from-verbatim", list)
    #expect(try listed(here) == ["[odd]", " spaces "])
    try here.write("\(here.source)/line\nbreak\0\(here.source)/three\0", to: list)
    try here.backup("--files-from-raw", list)
    #expect(try listed(here).count == 2)
    let outcome = try here.varve(
      "backup", "--files-from-verbatim", "-", input: Array("\(here.source)/three\n".utf8))
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(try listed(here) == ["three"])
  }

  @Test(.enabled(if: Tools.isRoot)) func oneFileSystem() throws {
    let here = try prepare("file")
    mkdir(here.source + "/mounted", 0o755)
    guard try here.run(["mount", "-t", "tmpfs", "none", here.source + "/mounted"]).code == 0 else {
      print("skipped: a mount inside the tree: not permitted here")
      return
    }
    defer { umount2(here.source + "/mounted", Int32(MNT_DETACH)) }
    try here.write("inside", to: here.source + "/mounted/inside")
    try here.backup(here.source, "--one-file-system")
    let paths = try listed(here)
    #expect(paths.contains("mounted"))
    #expect(!paths.contains("mounted/inside"))
    try here.backup(here.source)
    #expect(try listed(here).contains("mounted/inside"))
  }

  @Test func standardInput() throws {
    let here = try prepare("file")
    var generator = SeededGenerator(seed: 1)
    let dump = generator.bytes(5_000_000)
    let outcome = try here.varve(
      "backup", "--json", "--stdin", "--stdin-filename", "database.sql", input: dump)
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(try here.succeed("dump", "latest", "/database.sql").output == dump)
    let empty = try here.varve("backup", "--stdin", "--stdin-filename", "empty", input: [])
    #expect(empty.code == 0, "\(empty.errors)")
    #expect(try here.succeed("dump", "latest", "/empty").output.isEmpty)
  }

  @Test func outputOfACommand() throws {
    let here = try prepare("file")
    try here.succeed(
      "backup", "--stdin-from-command", "--stdin-filename", "numbers", "--", "seq", "1", "100000")
    #expect(try here.succeed("dump", "latest", "/numbers").lines.count == 100_000)
    let before = try here.snapshots().count
    try here.fail(
      1, "backup", "--stdin-from-command", "--stdin-filename", "numbers", "--", "sh", "-c",
      "seq 1 100; exit 7", saying: ["7"])
    try here.fail(
      1, "backup", "--stdin-from-command", "--stdin-filename", "x", "--", "/no/such/program",
      saying: ["/no/such/program"])
    #expect(try here.snapshots().count == before, "a failed command leaves no snapshot")
  }

  @Test func whatASnapshotRecords() throws {
    let here = try prepare("file")
    try here.backup(
      here.source, "--host", "castle", "--tag", "one,two", "--tag", "three", "--time",
      "2021-02-03 04:05:06", "--meta", "commit=abc123", "--meta", "note=with = inside")
    let snapshot = try here.snapshots()[0]
    #expect(snapshot["hostname"].string == "castle")
    #expect(snapshot["tags"].strings == ["one", "two", "three"])
    #expect(snapshot["time"].string?.hasPrefix("2021-02-03T04:05:06") == true)
    #expect(snapshot["paths"].strings == [here.source])
    #expect(snapshot["meta"]["commit"].string == "abc123")
    #expect(snapshot["meta"]["note"].string == "with = inside")
    #expect(snapshot["id"].string?.count == 64)
    #expect(snapshot["username"].exists)
    #expect(snapshot["program_version"].exists)
    try here.fail(64, "backup", here.source, "--meta", "no equals sign")
    try here.fail(64, "backup", here.source, "--time", "yesterday-ish")
  }

  @Test func asAnotherPath() throws {
    let here = try prepare("sub/file")
    try here.backup(here.source, "--as-path", "/srv/data")
    #expect(try here.snapshots()[0]["paths"].strings == ["/srv/data"])
    #expect(try here.succeed("dump", "latest", "/srv/data/sub/file").text == "content of sub/file")
    try here.fail(64, "backup", here.source, here.root, "--as-path", "/srv/data")
  }

  @Test func dryRunsStoreNothing() throws {
    let here = try prepare("file")
    let before = here.objects()
    let summary = try here.backup(here.source, "--dry-run")
    #expect(summary["dry_run"].flag == true)
    #expect(summary["files_new"].number == 1)
    #expect(here.objects() == before)
    #expect(try here.snapshots().isEmpty)
  }

  @Test func parentsAndForcing() throws {
    let here = try prepare("one", "two")
    let first = try here.backup()
    try here.write("changed now", to: here.source + "/two")
    let second = try here.backup()
    #expect(second["files_unmodified"].number == 1)
    #expect(second["files_changed"].number == 1)
    #expect(second["files_new"].number == 0)
    #expect(try here.snapshots().last?["parent"].string == first["snapshot_id"].string)
    let forced = try here.backup(here.source, "--force")
    #expect(forced["files_unmodified"].number == 0)
    #expect(forced["data_blobs"].number == 0, "what is read again is deduplicated")
    let chosen = try here.backup(here.source, "--parent", try #require(first["snapshot_id"].string))
    #expect(chosen["files_processed"].exists || chosen["total_files_processed"].number == 2)
    #expect(try here.snapshots().last?["parent"].string == first["snapshot_id"].string)
  }

  @Test func unchangedSourcesCanBeSkipped() throws {
    let here = try prepare("one")
    for expected in 1...2 {
      for _ in 0..<3 {
        try here.succeed("backup", ".", "--skip-if-unchanged", directory: here.source)
      }
      #expect(try here.snapshots().count == expected)
      try here.write("changed", to: here.source + "/one")
    }
  }

  @Test func changesThatKeepSizeAndTimeAreSeenByChangeTime() throws {
    let here = try prepare("one")
    let times = [
      timespec(tv_sec: 1_500_000_000, tv_nsec: 0), timespec(tv_sec: 1_500_000_000, tv_nsec: 0),
    ]
    utimensat(AT_FDCWD, here.source + "/one", times, 0)
    try here.backup()
    let content = try here.read(here.source + "/one")
    try here.write(Array(content.reversed()), to: here.source + "/one")
    utimensat(AT_FDCWD, here.source + "/one", times, 0)
    let second = try here.backup()
    #expect(second["files_changed"].number == 1)
    try here.succeed("restore", "latest:\(here.source)", "--target", here.target)
    try here.expectEqual(here.source, here.target, "--skip-root")
  }

  @Test func replacedInodesAndChangeTimesCanBeIgnored() throws {
    let here = try prepare("one")
    let path = here.source + "/one"
    let times = [
      timespec(tv_sec: 1_500_000_000, tv_nsec: 7), timespec(tv_sec: 1_500_000_000, tv_nsec: 7),
    ]
    utimensat(AT_FDCWD, path, times, 0)
    // What has only just changed is read again whatever its times say.
    usleep(500_000)
    try here.backup()
    // Other bytes under the old size and time, in a new inode: only a backup that reads it can notice.
    let content = try here.read(path)
    unlink(path)
    try here.write(Array(content.reversed()), to: path)
    utimensat(AT_FDCWD, path, times, 0)
    try here.backup(here.source, "--ignore-inode", "--ignore-ctime")
    #expect(try here.succeed("dump", "latest", path).output == content)
    try here.backup(here.source, "--force")
    #expect(try here.succeed("dump", "latest", path).output == content.reversed())
  }

  @Test func relativePathsAreRecordedAsGiven() throws {
    let here = try prepare("sub/file")
    try here.succeed("backup", ".", directory: here.source)
    #expect(try here.succeed("dump", "latest", "/sub/file").text == "content of sub/file")
    #expect(try here.snapshots()[0]["paths"].strings == [here.source])
    try here.succeed("backup", "source/../source/sub/", directory: here.root)
    #expect(try here.succeed("dump", "latest", "/source/sub/file").text == "content of sub/file")
  }

  @Test func globalOptionsBeforeTheVerb() throws {
    let here = try prepare("file")
    let arguments = ["-r", here.repository, "--password-file", here.passwordFile, "--json"]
    here.environment["VARVE_REPOSITORY"] = nil
    here.environment["VARVE_PASSWORD_FILE"] = nil
    #expect(try here.varve(arguments + ["backup", here.source]).code == 0)
    #expect(try here.varve(["snapshots"] + arguments).document().list.count == 1)
    here.environment["VARVE_PASSWORD_COMMAND"] = "cat \(here.passwordFile)"
    #expect(try here.varve("-r", here.repository, "snapshots").code == 0)
    #expect(
      try here.varve("-r", here.repository, "snapshots", "--password-command", "false").code != 0)
  }

  /// A host's name is bytes, as it is everywhere else.
  @Test func aHostThatIsNotUTF8() throws {
    let here = try Workspace()
    try here.write("x", to: here.source + "/file")
    try here.initializeWithKeyFile()
    let outcome = try here.run([
      "sh", "-c", "exec \"$0\" backup --host \"$(printf 'h\\377')\" \"$1\"", Tools.varve,
      here.source,
    ])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let listed = try #require(try here.snapshots().first)
    #expect(listed["hostname_base64"].string == "aP8=")
    let found = try here.run([
      "sh", "-c", "exec \"$0\" snapshots --json --host \"$(printf 'h\\377')\"", Tools.varve,
    ])
    #expect(try found.document().list.count == 1)
  }

  /// Each backup of a repository that lies in its own source is larger by those before it.
  @Test func aRepositoryInItsOwnSource() throws {
    let here = try Workspace()
    try here.write("x", to: here.source + "/file")
    try here.initializeWithKeyFile()
    func warns(_ arguments: String...) throws -> Bool {
      let outcome = try here.varve(["backup", "--dry-run", here.root] + arguments)
      #expect(outcome.code == 0, "\(outcome.errors)")
      return outcome.errors.contains("--exclude \(here.repository)")
    }
    #expect(try warns())
    #expect(try !warns("--exclude", here.repository))
    #expect(try !warns("--exclude", here.repository + "/packs"))
    #expect(try !here.succeed("backup", here.source).errors.contains("warning"))
  }

  @Test func chunkSize() throws {
    let here = try Workspace()
    var generator = SeededGenerator(seed: 64)
    var database = generator.bytes(4_000_000)
    try here.write(database, to: here.source + "/database")
    try here.initializeWithKeyFile()
    let first = try here.backup(here.source, "--chunk-size", "16K")
    #expect(first["chunk_size"].number == 16_384)
    #expect(try #require(first["data_blobs"].number) > 100)
    let before = here.storedBytes()
    for place in [500_000, 1_700_000, 2_600_000, 3_800_000] { database[place] ^= 1 }
    try here.write(database, to: here.source + "/database")
    try here.backup(here.source, "--chunk-size", "16KiB")
    #expect(here.storedBytes() - before < 600_000)
    #expect(try here.snapshots().map { $0["summary"]["chunk_size"].number } == [16_384, 16_384])
    #expect(try here.succeed("snapshots").text.contains("in 16K chunks"))
    #expect(try here.restoreSource().code == 0)
    try here.expectEqual(here.source, here.target, "--skip-root")
    for size in ["0", "4K", "24K", "2M", "16383", "99999999P"] {
      try here.fail(64, "backup", here.source, "--chunk-size", size)
    }
  }
}
