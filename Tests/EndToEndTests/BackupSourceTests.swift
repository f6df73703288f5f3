import Glibc
import Testing
import VarveTestThreads

/// Sources that are easily passed over: what is named is saved, or said not to be.
@Suite(.onOwnThreads) struct BackupSourceTests {
  private func prepare() throws -> Workspace {
    let here = try Workspace()
    mkdir(here.source, 0o755)
    try here.initializeWithKeyFile()
    try here.useKeyFile()
    return here
  }

  // MARK: Sources below others

  /// Each source's file system is stayed on, as with restic.
  @Test(.enabled(if: Mounting.isPossible)) func sourcesOnSeveralFileSystems() throws {
    let here = try prepare()
    let outcome = try here.runMounting(
      """
      set -e
      mkdir "$source/home" "$source/other"
      mount -t tmpfs none "$source/home"; mount -t tmpfs none "$source/other"
      echo precious > "$source/home/thesis"; echo no > "$source/other/not-named"
      "$varve" backup -q --one-file-system "$source" "$source/home"
      "$varve" ls latest
      """)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let listed = String(decoding: outcome.output, as: UTF8.self)
    #expect(listed.contains("/home/thesis"))
    #expect(!listed.contains("not-named"))
  }

  @Test func aSourceBelowALinkOfAnother() throws {
    let here = try prepare()
    try here.write("precious", to: here.root + "/elsewhere/sub/file")
    symlink("../elsewhere", here.source + "/link")
    try here.fail(
      3, "backup", here.source, here.source + "/link/sub", saying: ["link", "not followed"])
    try here.fail(3, "backup", here.source, here.source + "/missing", saying: ["no such file"])
    try here.succeed("backup", here.source, here.root + "/elsewhere/sub")
    // Two directories under one name are no source and its subdirectory.
    try here.write("x", to: here.root + "/a/data/file")
    try here.write("y", to: here.root + "/data/sub/file")
    let outcome = try here.varve("backup", "../data", "data/sub", directory: here.root + "/a")
    #expect(outcome.code == 64, "\(outcome.errors)")
  }

  /// More of them than the process may have files open.
  @Test func thousandsOfSources() throws {
    let here = try prepare()
    for number in 0..<600 { try here.write("\(number)", to: here.source + "/\(number)") }
    let outcome = try here.run([
      "sh", "-c",
      "ulimit -n 200; find '\(here.source)' -type f -print0 | '\(Tools.varve)' backup --json --files-from-raw -",
    ])
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(try outcome.message("summary")["files_new"].number == 600)
  }

  // MARK: What has changed

  /// A file system that stamps whole seconds: what is written twice in one of them is saved as it was last.
  @Test(.enabled(if: Mounting.isPossible)) func wholeSeconds() throws {
    let here = try prepare()
    let outcome = try here.runMounting(
      """
      set -e
      truncate -s 64M "$root/image"; mkfs.ext4 -q -I 128 "$root/image" || exit 77
      mount -o loop "$root/image" "$source" || exit 77
      for round in 1 2 3; do
        now=$(date +%s%N); sleep "$(printf '0.%09d' $((1000000000 - now % 1000000000)))"
        printf A000 > "$source/f"
        "$varve" backup -q "$source"
        printf B000 | dd of="$source/f" conv=notrunc status=none
        sleep 2.2
        "$varve" backup -q "$source"
        "$varve" dump latest "$source/f" | grep -q B000 || exit 9
      done
      """)
    if outcome.code == 77 {
      print("skipped: ext4 with whole seconds: \(outcome.errors)")
      return
    }
    #expect(outcome.code == 0, "\(outcome.errors)")
  }

  /// Attributes that could not be read once are read, and missed, until they can be.
  @Test(.enabled(if: Tracer.isSupported, Tracer.unsupported)) func attributesThatFailOnce() throws {
    let here = try prepare()
    try here.write("content", to: here.source + "/file")
    try here.write("content", to: here.source + "/sub/file")
    for path in ["/file", "/sub"] {
      let outcome = try here.run(
        ["setfattr", "-n", "user.key", "-v", "value", here.source + path])
      try #require(outcome.code == 0, "\(outcome.errors)")
    }
    usleep(50_000)
    var missed = 0
    for number in 1..<1_000 where missed < 2 {
      let traced = try here.trace(
        .fault("EIO", at: number), ["backup", here.source, "--force", "-q"])
      guard let call = traced.struck else { break }
      guard call.call.contains("listxattr") else { continue }
      // What fails the first time it is asked is asked again.
      if traced.outcome.code != 0 {
        missed += 1
        #expect(traced.outcome.code == 3, "\(traced.outcome.errors)")
        #expect(traced.outcome.errors.contains("Input/output error"))
        try here.succeed("backup", here.source, "-q")
      }
      try here.succeed("restore", "latest", "--target", here.target, "--overwrite", "always")
      try here.expectEqual(here.source, here.target + here.source)
    }
    #expect(missed > 0)
  }

  /// Which files are links of one another is part of a snapshot.
  @Test func linksThatAreRegrouped() throws {
    let here = try prepare()
    func tie(_ groups: [[String]]) throws {
      for group in groups {
        try here.write("same", to: "\(here.source)/\(group[0])")
        for name in group.dropFirst() {
          unlink("\(here.source)/\(name)")
          link("\(here.source)/\(group[0])", "\(here.source)/\(name)")
        }
      }
      _ = try here.run(["sh", "-c", "touch -d 2020-01-01 '\(here.source)'/* '\(here.source)'"])
    }
    // Not with the directories above it, in which the test writes.
    func backUp(_ option: String...) throws -> String? {
      let outcome = try here.varve(["backup", "--json", here.source, "--as-path", "/d"] + option)
      #expect(outcome.code == 0, "\(outcome.errors)")
      return try outcome.message("summary")["snapshot_id"].string
    }
    try tie([["a", "d"], ["b", "c"]])
    #expect(try backUp() != nil)
    #expect(try backUp("--skip-if-unchanged") == nil)
    for name in ["b", "d"] { unlink("\(here.source)/\(name)") }
    try tie([["a", "b"], ["c", "d"]])
    #expect(try backUp("--skip-if-unchanged") != nil)
    try here.succeed("restore", "latest", "--target", here.target)
    var (a, b) = (stat(), stat())
    stat("\(here.target)/d/a", &a)
    stat("\(here.target)/d/b", &b)
    #expect(a.st_ino == b.st_ino)
  }

  // MARK: What does not end

  /// Terabytes that are not there have to be hashed all the same, and can be stopped.
  @Test func aHugeHole() throws {
    let here = try prepare()
    let file = open(here.source + "/disk.img", O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
    guard ftruncate(file, 4 << 40) == 0 else {
      close(file)
      print("skipped: no file of 4 TiB here")
      return
    }
    close(file)
    try here.write("beside", to: here.source + "/small")
    let backup = try here.start("backup", here.source, "--partial-interval", "1s", "--json")
    for _ in 0..<1_200 {
      if try !here.snapshots().isEmpty { break }
      usleep(100_000)
    }
    #expect(try here.snapshots().count == 1, "a partial one comes meanwhile")
    backup.send(SIGINT)
    #expect(backup.ended(within: 60_000))
    #expect(try backup.wait().code == 130)
  }

  @Test func standardInputThatIsClosed() throws {
    let here = try prepare()
    let outcome = try here.run([
      "sh", "-c", "timeout 60 '\(Tools.varve)' backup --stdin --stdin-filename x <&-",
    ])
    #expect(outcome.code == 1, "\(outcome.errors)")
    #expect(try here.snapshots().isEmpty)
    let silent = try here.run([
      "sh", "-c", "timeout 60 '\(Tools.varve)' backup '\(here.source)' >&- 2>&-",
    ])
    #expect([0, 1].contains(silent.code))
    try here.succeed("check", "--read-data")
  }
}
