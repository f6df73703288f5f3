import CVarveLinux
import Glibc
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveTestSupport

/// What keeps a staged restore from beginning, and what leads back from its middle.
@Suite struct StagedSwitchTests {
  /// A live tree with a snapshot of its past.
  private struct Live {
    let bench: BackupBench
    let id: Digest

    init(_ make: (BackupBench) throws -> Void) throws {
      bench = try BackupBench()
      try make(bench)
      id = try #require(try bench.backUp().snapshot)
    }

    func path(_ name: String) -> String { "\(bench.source)/\(name)" }

    func prepare(
      _ change: (inout RestoreOptions, inout StagingOptions) -> Void = { _, _ in }
    ) throws -> PreparedRestore {
      var options = RestoreOptions(target: Array(bench.source.utf8))
      options.subpath = [Array("data".utf8)]
      var settings = StagingOptions()
      change(&options, &settings)
      return try PreparedRestore(
        IndexedRepository(bench.unlocked), bench.unlocked.snapshotRecord(id), id: id,
        options: options, staging: settings)
    }

    func text(_ name: String) -> String? {
      let file = varve_open(AT_FDCWD, path(name), O_RDONLY | O_NOFOLLOW, 0)
      guard file >= 0 else { return nil }
      defer { close(file) }
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      let count = varve_pread(file, &bytes, bytes.count, 0)
      return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    func write(_ name: String, _ text: String) throws { try bench.write(name, Array(text.utf8)) }

    func status(_ name: String) -> FileStatus? {
      var status = FileStatus()
      return FileStatus.read(AT_FDCWD, path(name), into: &status) == 0 ? status : nil
    }

    /// What restores have left beside what is theirs.
    var leftovers: [String] {
      let directory = Descriptor(owning: OpenAt.userDirectory(bench.source))
      var listing = DirectoryListing()
      guard listing.load(directory.number) == 0 else { return ["unreadable"] }
      return (0..<listing.count).map { String(cString: listing.name($0)) }
        .filter { $0.hasPrefix(".varve-") }
    }

    func withFile<Result>(_ name: String, _ body: (Int32) throws -> Result) rethrows -> Result {
      let file = Descriptor(
        owning: varve_open(AT_FDCWD, path(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0))
      return try body(file.number)
    }
  }

  private func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return ""
  }

  // MARK: Before anything is moved

  @Test func aFullDirectoryInTheWayStays() throws {
    let live = try Live {
      try $0.write("a", Array("past".utf8))
      try $0.write("place", Array("past".utf8))
    }
    try live.write("a", "now")
    unlink(live.path("place"))
    mkdir(live.path("place"), 0o755)
    try live.write("place/mine", "mine")
    let said = message { _ = try live.prepare() }
    #expect(said.contains("place") && said.contains("nothing was changed"), "\(said)")
    // What the patterns leave out is never removed.
    let excluded = message {
      _ = try live.prepare { options, _ in
        options.delete = true
        options.excludes = [Array("mine".utf8)]
      }
    }
    #expect(excluded.contains("place"), "\(excluded)")
    #expect(live.text("place/mine") == "mine" && live.text("a") == "now")
    #expect(live.leftovers == [])
    let kept = try live.prepare { _, settings in settings.keptSuffix = Array(".kept".utf8) }
      .finish()
    #expect(kept.restore.problems == [])
    #expect(live.text("place.kept/mine") == "mine" && live.text("place") == "past")
    rename(live.path("place.kept"), live.path("other"))
    unlink(live.path("place"))
    rename(live.path("other"), live.path("place"))
    let deleted = try live.prepare { options, _ in options.delete = true }.finish()
    #expect(deleted.restore.problems == [])
    #expect(live.text("place") == "past" && live.text("a") == "past")
    #expect(live.leftovers == [])
  }

  /// Of a place that is to be an empty directory, too.
  @Test func aFileInThePlaceOfAnEmptyDirectoryIsKept() throws {
    let live = try Live { mkdir("\($0.source)/place", 0o755) }
    rmdir(live.path("place"))
    try live.write("place", "mine")
    let report = try live.prepare { _, settings in settings.keptSuffix = Array(".kept".utf8) }
      .finish()
    #expect(report.restore.problems == [])
    #expect(live.status("place")?.isDirectory == true && live.text("place.kept") == "mine")
  }

  @Test func whatWasPreparedCanBeAbandoned() throws {
    let live = try Live { try $0.write("a", Array("past".utf8)) }
    try live.write("a", "now")
    let before = live.status("")?.modified
    try live.prepare().abandon()
    #expect(live.text("a") == "now" && live.leftovers == [])
    #expect(live.status("")?.modified == before)
    let other = live.bench.scratch("new")
    try live.prepare { options, _ in options.target = Array(other.utf8) }.abandon()
    #expect(access(other, F_OK) != 0)
  }

  // MARK: In the middle

  @Test(arguments: [nil, ".kept"] as [String?])
  func whatWasMovedIsMovedBack(suffix: String?) throws {
    let live = try Live {
      for name in ["full", "in-way", "made", "made/deep"] { mkdir("\($0.source)/\(name)", 0o755) }
      for name in ["a", "full/file", "in-way/x", "made/deep/x", "place", "z"] {
        try $0.write(name, Array("past".utf8))
      }
    }
    try live.write("a", "now")
    try live.write("full/file", "now")
    for name in ["in-way/x", "made/deep/x", "place"] { unlink(live.path(name)) }
    for name in ["in-way", "made/deep", "made"] { rmdir(live.path(name)) }
    try live.write("in-way", "now")
    mkdir(live.path("place"), 0o755)
    try live.write("place/mine", "mine")
    try live.write("z", "now")
    let immutable =
      geteuid() == 0
      && live.withFile("full/file") {
        InodeFlags.set($0, InodeFlags.immutable) == 0
      }
    defer { live.withFile("full/file") { _ = InodeFlags.set($0, 0) } }
    let before = ["a", "full", "full/file", "in-way", "place"].map { live.status($0)?.inode }
    let time = live.status("full")?.modified
    let prepared = try live.prepare { options, settings in
      options.delete = suffix == nil
      settings.keptSuffix = suffix.map { Array($0.utf8) }
    }
    // Somebody makes what is staged go away, of the last file.
    let name = try #require(live.leftovers.first)
    #expect(unlink(live.path("\(name)/tree/z")) == 0)
    let said = message { _ = try prepared.finish() }
    #expect(said.contains("cannot put z") && said.contains("was put back"), "\(said)")
    for name in ["a", "full/file", "in-way", "z"] { #expect(live.text(name) == "now", "\(name)") }
    #expect(live.text("place/mine") == "mine")
    #expect(live.status("made") == nil)
    #expect(["a", "full", "full/file", "in-way", "place"].map { live.status($0)?.inode } == before)
    #expect(live.status("full")?.modified == time)
    if immutable { #expect(live.status("full/file")?.isProtected == true) }
    for name in ["a", "in-way", "place", "z"] { #expect(live.status(name + ".kept") == nil) }
    #expect(live.leftovers == [])
  }

  // MARK: After a kill

  @Test func whatAKilledRestoreTookIsPutBack() throws {
    let live = try Live { try $0.write("there", Array("past".utf8)) }
    let stale = live.path(".varve-restore-0123456789abcdef")
    mkdir(stale, 0o700)
    mkdir(stale + "/replaced", 0o700)
    mkdir(stale + "/replaced/0", 0o755)
    for name in ["replaced/1", "replaced/2", "tree"] {
      try live.write(".varve-restore-0123456789abcdef/\(name)", "old")
    }
    try live.write(".varve-restore-0123456789abcdef/journal", "none\nlost\0there\0")
    _ = try live.prepare().finish()
    #expect(live.leftovers == [])
    #expect(live.status("lost")?.isDirectory == true)
    #expect(live.text("there") == "past")
  }

  // MARK: Afterwards

  @Test func whatWasPutThereGetsItsAttributesWhateverTheRule() throws {
    for rule in RestoreOptions.Overwrite.allCases {
      let live = try Live {
        mkdir("\($0.source)/made", 0o750)
        chmod("\($0.source)/made", 0o750)
        try $0.write("made/one", noise(100_000))
        link("\($0.source)/made/one", "\($0.source)/made/two")
        chmod("\($0.source)/made/one", 0o440)
      }
      unlink(live.path("made/one"))
      unlink(live.path("made/two"))
      rmdir(live.path("made"))
      let report = try live.prepare { options, _ in options.overwrite = rule }.finish()
      #expect(report.restore.problems == [], "\(rule)")
      #expect(report.restore.itemsRestored == 3, "\(rule)")
      #expect(live.status("made")?.mode == 0o750, "\(rule)")
      #expect(live.status("made/one")?.mode == 0o440, "\(rule)")
      #expect(live.status("made/one")?.inode == live.status("made/two")?.inode, "\(rule)")
    }
  }

  /// What differs in nothing else is restored, saved before, and comes back.
  @Test func attributesAndFlagsAreDifferences() throws {
    let name = Array("user.note".utf8)
    let noDump: UInt32 = 0x40
    var isSupported = false
    let live = try Live { bench in
      mkdir("\(bench.source)/directory", 0o755)
      for file in ["attribute", "empty", "flag"] {
        try bench.write(file, file == "empty" ? [] : Array("same".utf8))
      }
      for file in ["attribute", "empty", "directory"] {
        let opened = Descriptor(
          owning: varve_open(AT_FDCWD, "\(bench.source)/\(file)", O_RDONLY, 0))
        isSupported = ExtendedAttributes.set(opened.number, name, [1]) == 0
      }
    }
    guard isSupported else { return }
    let hasFlags = live.withFile("flag") { InodeFlags.set($0, noDump) == 0 }
    for file in ["attribute", "empty", "directory"] {
      live.withFile(file) { #expect(ExtendedAttributes.set($0, name, [2]) == 0) }
    }
    func attribute(_ file: String) -> [UInt8]? {
      var found: [ExtendedAttribute] = []
      live.withFile(file) { _ = ExtendedAttributes.read($0, into: &found) }
      return found.first { $0.name == name }?.value
    }
    let count: UInt64 = hasFlags ? 4 : 3
    let dry = try live.prepare { options, _ in options.dryRun = true }.finish()
    #expect(dry.restore.itemsRestored == count)
    let report = try live.prepare { _, settings in settings.takesSafety = true }.finish()
    #expect(report.restore.problems == [])
    #expect(report.restore.itemsRestored == count)
    for file in ["attribute", "empty", "directory"] { #expect(attribute(file) == [1], "\(file)") }
    let again = try live.prepare { _, settings in settings.takesSafety = true }.finish()
    #expect(again.safety == nil && again.restore.itemsRestored == 0)
    let safety = try live.bench.unlocked.snapshotRecord(try #require(report.safety))
    _ = try StagedRestore.undo(IndexedRepository(live.bench.unlocked), safety)
    for file in ["attribute", "empty", "directory"] { #expect(attribute(file) == [2], "\(file)") }
    if hasFlags {
      var flags: UInt32 = 0
      live.withFile("flag") { _ = InodeFlags.read($0, into: &flags) }
      #expect(flags == noDump)
    }
  }
}
