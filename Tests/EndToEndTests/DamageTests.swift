import Glibc
import Testing
import VarveTestThreads

/// What happens when storage lies: every object, changed, cut, swapped or gone, is found by
/// `check --read-data` and never comes back as good data.
@Suite(.onOwnThreads) struct DamageTests {
  /// A repository with two snapshots, a tag's worth of log and every kind of object.
  private func prepare() throws -> Workspace {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.initializeWithKeyFile()
    try here.useKeyFile()
    try here.backup()
    try here.write("changed\n", to: here.source + "/hello.txt")
    try here.write("new\n", to: here.source + "/dir0/new")
    try here.backup()
    return here
  }

  private func expectFound(
    _ here: Workspace, _ what: String, restoreToo: Bool,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    let outcome = try here.varve("check", "--read-data", "--no-cache", "--no-record")
    #expect(
      outcome.code == 20, "\(what): \(outcome.code)\n\(outcome.errors)", sourceLocation: location)
    guard restoreToo else { return }
    try here.remove(here.target)
    let restored = try here.restoreSource("latest", "--no-cache")
    if restored.code == 0 {
      let bad = try here.differs(here.source, here.target, "--skip-root")
      #expect(!bad, "\(what): restored as good, and is not", sourceLocation: location)
    }
  }

  @Test func everySingleByteChangeIsFound() throws {
    let here = try prepare()
    var generator = SeededGenerator(seed: 20)
    let positions = Tools.rounds(4, soak: 200)
    for name in here.objects() {
      let path = here.repository + "/" + name
      let original = try here.read(path)
      let fixed = [0, original.count - 1]
      let offsets =
        fixed
        + (0..<positions - 2).map { _ in Int.random(in: 0..<original.count, using: &generator) }
      for (round, offset) in offsets.enumerated() {
        var changed = original
        changed[offset] ^= UInt8.random(in: 1...255, using: &generator)
        try here.write(changed, to: path)
        try expectFound(
          here, "\(name), byte \(offset) of \(original.count)", restoreToo: Tools.soak || round == 2
        )
      }
      try here.write(original, to: path)
    }
    try here.succeed("check", "--read-data")
  }

  @Test func truncatedExtendedEmptiedAndMissingObjectsAreFound() throws {
    let here = try prepare()
    for name in here.objects() {
      let path = here.repository + "/" + name
      let original = try here.read(path)
      for (what, bytes) in [
        ("cut by one", Array(original.dropLast())),
        ("halved", Array(original.prefix(original.count / 2))),
        ("emptied", []), ("extended", original + [0]),
      ] {
        try here.write(bytes, to: path)
        try expectFound(here, "\(name) \(what)", restoreToo: what == "halved")
      }
      // The two derived kinds may be gone; what they say is recomputed from the commits. Without a config there is
      // no repository at all, and without its one credential nothing unlocks.
      try here.write(original, to: path)
      guard !name.hasPrefix("log/checkpoint"), !name.hasPrefix("log/tile"), name != "config" else {
        continue
      }
      rename(path, path + ".away")
      let outcome = try here.varve("check", "--read-data", "--no-cache", "--no-record")
      let expected: Set<Int32> = name.hasPrefix("log/commits/") ? [20, 22] : [20]
      #expect(
        expected.contains(outcome.code), "\(name) missing: \(outcome.code)\n\(outcome.errors)")
      #expect(outcome.errors.contains("hint"), "\(name) missing: \(outcome.errors)")
      rename(path + ".away", path)
    }
    try here.succeed("check", "--read-data")
  }

  @Test func swappedObjectsAreFound() throws {
    let here = try prepare()
    let names = here.objects()
    for prefix in ["packs/", "snapshots/", "index/", "keys/", "log/commits/"] {
      let kind = names.filter { $0.hasPrefix(prefix) }
      guard kind.count >= 2 else { continue }
      let (a, b) = (here.repository + "/" + kind[0], here.repository + "/" + kind[kind.count - 1])
      let (first, second) = (try here.read(a), try here.read(b))
      try here.write(second, to: a)
      try here.write(first, to: b)
      try expectFound(here, "\(kind[0]) swapped with \(kind[kind.count - 1])", restoreToo: true)
      try here.write(first, to: a)
      try here.write(second, to: b)
    }
    try here.succeed("check", "--read-data")
  }

  @Test func checkNamesDamagedObjectsSnapshotsAndFiles() throws {
    let here = try prepare()
    // Data packs hold no names; the pack with the large file is the largest.
    let packs = try here.objects("packs/").map { ($0, try here.read(here.repository + "/" + $0)) }
    let largest = try #require(packs.max { $0.1.count < $1.1.count })
    var changed = largest.1
    changed[changed.count / 2] ^= 1
    try here.write(changed, to: here.repository + "/" + largest.0)
    let outcome = try here.varve("check", "--read-data", "--no-cache", "--no-record")
    #expect(outcome.code == 20)
    let digest = String(largest.0.suffix(64))
    let said = outcome.errors + outcome.text
    #expect(said.contains(digest), "the damaged object is named")
    #expect(said.contains("dir0/file0"), "the affected file is named")
    for snapshot in try here.snapshots() {
      #expect(
        said.contains(try #require(snapshot["short_id"].string)), "the affected snapshot is named")
    }
    let json = try here.varve("check", "--read-data", "--no-cache", "--no-record", "--json")
    #expect(json.code == 20)
    #expect(json.text.contains(digest))
    let summary = try json.message("summary")
    #expect(try #require(summary["num_errors"].number) > 0)
    // The plain check reads no data, so only --read-data can have found it; a subset of all finds it, too.
    try here.fail(20, "check", "--read-data-subset", "100%", "--no-cache", "--no-record")
    try here.fail(20, "restore", "latest", "--target", here.target, saying: ["file0"])
    #expect(here.exists(here.target + here.source + "/hello.txt"), "what is intact is restored")
  }

  @Test func subsetsCoverEverything() throws {
    let here = try prepare()
    let packs = here.objects("packs/")
    // Trees are read by every check; of data packs each is in exactly one part.
    var dataPacks = 0
    for pack in packs {
      let path = here.repository + "/" + pack
      let original = try here.read(path)
      var changed = original
      changed[original.count / 2] ^= 0x10
      try here.write(changed, to: path)
      let isTree = try here.varve("check", "--no-cache", "--no-record").code == 20
      var found = 0
      for part in 1...3 {
        let outcome = try here.varve(
          "check", "--read-data-subset", "\(part)/3", "--no-cache", "--no-record")
        #expect(outcome.code == 20 || outcome.code == 0, "\(outcome.code) \(outcome.errors)")
        found += outcome.code == 20 ? 1 : 0
      }
      #expect(found == (isTree ? 3 : 1), "\(pack): found in \(found) of 3 parts")
      dataPacks += isTree ? 0 : 1
      try here.write(original, to: path)
    }
    #expect(dataPacks > 0)
  }
}
