import Foundation
import Glibc
import Testing
import VarveTestThreads

/// `restore --safety`, `--atomic`, `--keep-existing` and `--undo`, over a place that is in use.
@Suite(.onOwnThreads) struct StagedRestoreTests {
  /// A live tree with a snapshot of its past, and a copy of how it is now.
  private func prepare(in directory: String? = nil) throws -> Workspace {
    let here = try Workspace(in: directory)
    try here.makeSmallTree(files: 9, largest: 400_000)
    let live = here.source
    try here.write("was a file", to: live + "/becomes-directory")
    try here.write("in a directory", to: live + "/becomes-file/inside/deep")
    try here.write("to be removed later", to: live + "/gone/and/away")
    try here.write("same", to: live + "/same")
    link(live + "/same", live + "/same-link")
    symlink("same", live + "/points")
    try here.succeed("init")
    try here.useKeyFile()
    try here.backup()
    // Time goes by.
    try here.write("changed", to: live + "/dir0/file0")
    try here.write("noise", to: live + "/dir1/added/new-file")
    try here.remove(live + "/becomes-directory")
    try here.write("now in it", to: live + "/becomes-directory/x/y")
    try here.remove(live + "/becomes-file")
    try here.write("now a file", to: live + "/becomes-file")
    try here.remove(live + "/gone")
    unlink(live + "/points")
    symlink("elsewhere", live + "/points")
    chmod(live + "/hello.txt", 0o640)
    _ = try here.run(["setfattr", "-n", "user.note", "-v", "n", live + "/hello.txt"])
    let sparse = open(live + "/dir2/sparse", O_CREAT | O_WRONLY, 0o600)
    pwrite(sparse, "tail", 4, 3 << 20)
    close(sparse)
    link(live + "/dir1/added/new-file", live + "/dir1/twin")
    try here.copy(live, to: here.root + "/before")
    return here
  }

  private func restore(_ here: Workspace, _ options: String...) -> [String] {
    ["restore", "latest:\(here.source)", "--target", here.source, "--tag", ""] + options
  }

  private func staging(_ here: Workspace) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: here.source)
      .filter { $0.hasPrefix(".varve-restore-") }
  }

  @Test func whatWasThereComesBack() throws {
    let here = try prepare()
    try here.succeed("restore", "latest:\(here.source)", "--target", here.target)
    let outcome = try here.varve(restore(here, "--safety", "--delete", "--json"))
    try #require(outcome.code == 0, "\(outcome.errors)")
    let id = try #require(outcome.documents().last?["safety_snapshot"].string)
    try here.expectEqual(here.source, here.target, "--skip-root")
    #expect(try staging(here).isEmpty)
    // It has what was changed, and nothing else.
    let paths = try here.succeed("ls", id).text
    #expect(paths.contains("/dir0/file0") && paths.contains("/dir1/added/new-file"))
    #expect(here.exists(here.source + "/dir1/file1") && !paths.contains("/dir1/file1\n"))
    try here.succeed("restore", "--undo", id)
    try here.expectEqual(here.source, here.root + "/before")
    // Once more changes nothing.
    try here.succeed("restore", "--undo", id)
    try here.expectEqual(here.source, here.root + "/before")
    try here.succeed("check", "--read-data")
  }

  @Test func aTargetThatWasNotThereGoes() throws {
    let here = try prepare()
    let place = here.root + "/new/place"
    let outcome = try here.varve([
      "restore", "latest:\(here.source)", "--target", place, "--safety", "--json",
    ])
    let id = try #require(outcome.documents().last?["safety_snapshot"].string, "\(outcome.errors)")
    #expect(here.exists(place + "/hello.txt"))
    try here.write("not the restore's", to: place + "/dir0/mine")
    let undo = try here.succeed("restore", "--undo", id)
    #expect(here.exists(place + "/dir0/mine") && !here.exists(place + "/hello.txt"))
    unlink(place + "/dir0/mine")
    try here.succeed("restore", "--undo", id)
    #expect(!here.exists(place), "\(undo.errors)")
  }

  @Test func originalsAreMovedAside() throws {
    let here = try prepare()
    let outcome = try here.varve(restore(here, "--keep-existing"))
    try #require(outcome.code == 0, "\(outcome.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: here.source + "/dir0")
    let kept = try #require(
      names.first { $0.hasPrefix("file0.pre-restore-2") && $0.hasSuffix("Z") })
    #expect(try here.read(here.source + "/dir0/" + kept) == Array("changed".utf8))
    #expect(try here.read(here.source + "/dir0/file0").count == 400_000)
    // Directories and what takes their place, too.
    #expect(try here.read(here.source + "/becomes-directory") == Array("was a file".utf8))
    let all = try FileManager.default.contentsOfDirectory(atPath: here.source)
    let directory = try #require(all.first { $0.hasPrefix("becomes-directory.pre-restore-") })
    #expect(try here.read(here.source + "/\(directory)/x/y") == Array("now in it".utf8))
    #expect(all.contains { $0.hasPrefix("becomes-file.pre-restore-") })
    try here.fail(
      64, "restore", "latest", "-t", here.target, "--keep-existing", "--delete", saying: ["keep"])
  }

  /// The same suffix twice.
  @Test func whatWasMovedAsideStays() throws {
    let here = try prepare()
    let place = here.source + "/dir0/file0"
    for text in ["changed", "once more", "a third time"] {
      try here.write(text, to: place)
      let outcome = try here.varve(restore(here, "--keep-existing", "--kept-suffix", ".old"))
      try #require(outcome.code == 0, "\(outcome.errors)")
      #expect(try here.read(place).count == 400_000)
    }
    for (suffix, text) in [
      (".old", "changed"), (".old.2", "once more"), (".old.3", "a third time"),
    ] {
      #expect(try here.read(place + suffix) == Array(text.utf8))
    }
  }

  @Test func nothingChangesWhereItCannotBeWhole() throws {
    let here = try prepare()
    let pack = try here.largestPack()
    let bytes = try here.read(pack)
    var damaged = bytes
    for index in 1_000..<damaged.count - 1_000 { damaged[index] ^= 0x55 }
    chmod(pack, 0o600)
    try here.write(damaged, to: pack)
    let outcome = try here.varve(restore(here, "--atomic", "--delete"))
    #expect(outcome.code == 20, "\(outcome.errors)")
    #expect(outcome.errors.contains("nothing was changed"))
    try here.expectEqual(here.source, here.root + "/before")
    try here.write(bytes, to: pack)
    let again = try here.varve(restore(here, "--atomic", "--delete"))
    #expect(again.code == 0, "\(again.errors)")
    try here.succeed("restore", "latest:\(here.source)", "--target", here.target)
    try here.expectEqual(here.source, here.target, "--skip-root")
    try here.fail(64, "restore", "--undo", "latest", saying: ["--safety", "hint"])
    try here.fail(64, "restore", "--undo", "latest", "--safety", saying: ["alone"])
    try here.fail(64, "restore", "latest", saying: ["--target"])
  }

  /// Without a safety snapshot: a call that fails leaves the target as it was, or the error says that it is not.
  @Test(
    .enabled(if: Tracer.isSupported, Tracer.unsupported), arguments: ["EIO", "ENOSPC", "after"])
  func whereACallFailsTheTargetIsAsItWas(fault: String) throws {
    let here = try prepare(in: access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil)
    let command = restore(here, "--atomic", "--delete")
    let whole = try here.trace(.fault(fault, at: Interference.never), command)
    try #require(whole.outcome.code == 0, "\(whole.outcome.errors)")
    try here.copy(here.source, to: here.root + "/restored")
    func isAs(_ copy: String) throws -> (Bool, String) {
      let compared = try here.run([
        Tools.python, Tools.walker, "compare", here.source, here.root + copy, "--skip-root",
      ])
      return (compared.code == 0, compared.text)
    }
    var failures = 0
    for number in FaultBench.sample(24, of: whole.total) {
      try here.remove(here.source)
      try here.copy(here.root + "/before", to: here.source)
      let traced = try here.trace(.fault(fault, at: number), command)
      guard let struck = traced.struck, traced.outcome.code != 0 else { continue }
      failures += 1
      let said = traced.outcome.errors
      let place = "\(fault) \(number) at \(struck.call) \(struck.path)\n\(said)"
      if said.contains("not as it was") || said.contains("could not be restored as") { continue }
      for name in try staging(here) { try here.remove(here.source + "/" + name) }
      let (isBefore, difference) = try isAs("/before")
      #expect(try isBefore || isAs("/restored").0, "\(place): \(difference)")
    }
    print("restore --atomic: \(fault): \(failures) failures")
  }

  @Test(.enabled(if: Tracer.isSupported, Tracer.unsupported))
  func killedAtAnyMomentItIsAsBeforeOrCanBeUndone() throws {
    let here = try prepare(in: access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil)
    try here.copy(here.repository, to: here.root + "/saved-repository")
    try here.copy(here.root + "/state", to: here.root + "/saved-state")
    func reset() throws {
      for (name, saved) in [
        ("source", "before"), ("repository", "saved-repository"), ("state", "saved-state"),
      ] {
        try here.remove("\(here.root)/\(name)")
        try here.copy("\(here.root)/\(saved)", to: "\(here.root)/\(name)")
      }
    }
    let command = restore(here, "--safety", "--delete")
    let whole = try here.trace(.kill(at: Interference.never), command)
    try #require(whole.outcome.code == 0, "\(whole.outcome.errors)")
    let moments = Tools.rounds(12, soak: 50)
    var undone = 0
    for moment in 1...moments {
      try reset()
      let traced = try here.trace(.kill(at: whole.total * moment / (moments + 1)), command)
      guard let struck = traced.struck else { continue }
      let place = "call \(struck.call) \(struck.path)"
      let taken = try here.snapshots("--tag", "safety")
      if let id = taken.last?["id"].string {
        let undo = try here.varve("restore", "--undo", id)
        #expect(undo.code == 0, "\(place): \(undo.errors)")
        undone += 1
      }
      // What was staged is nobody's, and the next restore removes it.
      for name in try staging(here) { try here.remove(here.source + "/" + name) }
      let same = try here.run([
        Tools.python, Tools.walker, "compare", here.source, here.root + "/before",
      ])
      // Before anything is moved, the staging directory's coming changes the target's own time.
      let onlyTime = same.text.contains("1 differences") && same.text.contains("differs: .\n")
      #expect(same.code == 0 || (taken.isEmpty && onlyTime), "\(place): \(same.text)")
    }
    print("restore --safety: killed \(moments) times, undone \(undone) times")
    #expect(undone > 0)
    // After the last kill the restore can simply be run again.
    let again = try here.varve(command)
    #expect(again.code == 0, "\(again.errors)")
    #expect(try staging(here).isEmpty)
  }
}
