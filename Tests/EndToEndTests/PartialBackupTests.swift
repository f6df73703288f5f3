import Foundation
import Glibc
import Testing
import VarveTestThreads

/// Backups that are killed after they have saved a part, and go on from there.
@Suite(.onOwnThreads) struct PartialBackupTests {
  /// Small files in many directories, and one large file.
  private func prepare(seed: UInt64, large: Int = 96 << 20) throws -> Workspace {
    let here = try Workspace()
    var generator = SeededGenerator(seed: seed)
    for number in 0..<900 {
      let size = Int.random(in: 1...60_000, using: &generator)
      try here.write(
        generator.bytes(size), to: here.source + "/d\(number % 30)/s\(number % 3)/\(number)")
    }
    for number in 0..<8 {
      let bytes = generator.bytes(large / 8)
      let file = fopen(here.source + "/d7/large", number == 0 ? "w" : "a")
      try #require(file != nil && fwrite(bytes, 1, bytes.count, file) == bytes.count)
      fclose(file)
    }
    try here.initializeWithKeyFile()
    try here.useKeyFile()
    return here
  }

  private func partials(_ here: Workspace) throws -> [Document] {
    try here.snapshots().filter { $0["partial"].flag == true }
  }

  /// Starts a backup with partial snapshots and waits for so many entries in the log.
  private func start(_ here: Workspace, entries: Int) throws -> RunningProcess {
    let running = try here.start("backup", here.source, "--partial-interval", "30ms")
    while here.objects("log/commits/").count < entries, !running.ended(within: 2) {}
    return running
  }

  /// Bytes of the regular files below a directory.
  private func bytes(_ path: String) -> Int {
    let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
    return names.reduce(0) { sum, name in
      var status = stat()
      guard lstat("\(path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        return sum
      }
      return sum + Int(status.st_size)
    }
  }

  /// What a partial snapshot has is the source's; says how many files and bytes that are.
  private func verify(_ here: Workspace, _ partial: String) throws -> (files: Int, bytes: Int) {
    try here.succeed("restore", "\(partial):\(here.source)", "--target", here.target)
    defer { try? here.remove(here.target) }
    let names =
      FileManager.default.enumerator(atPath: here.target)?.compactMap { $0 as? String } ?? []
    var found = (files: 0, bytes: 0)
    for name in names {
      var status = stat()
      guard lstat("\(here.target)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        continue
      }
      #expect(
        FileManager.default.contentsEqual(
          atPath: "\(here.target)/\(name)", andPath: "\(here.source)/\(name)"), "\(name)")
      found.files += 1
      found.bytes += Int(status.st_size)
    }
    return found
  }

  @Test func aKilledBackupGoesOn() throws {
    let here = try prepare(seed: 31)
    var midway = 0
    for round in 0..<Tools.rounds(4, soak: 40) {
      try here.remove(here.repository)
      try here.remove(here.root + "/cache")
      try here.remove(here.root + "/state")
      unlink(here.root + "/key-file")
      here.environment["VARVE_KEY_FILE"] = nil
      here.environment["VARVE_PASSWORD_FILE"] = here.passwordFile
      try here.succeed("init")
      try here.useKeyFile()
      let running = try start(here, entries: here.objects("log/commits/").count + 1 + round % 4)
      usleep(UInt32(round % 7) * 9_000)
      running.send(SIGKILL)
      let outcome = try running.wait()
      let left = try partials(here)
      guard outcome.signal == SIGKILL, let partial = left.last?["id"].string else { continue }
      midway += 1
      #expect(left.count == 1)
      let saved = try verify(here, partial)
      try here.succeed("check", "--read-data")
      try here.fail(1, "restore", "latest", "--target", here.target, saying: ["complete"])

      let rest = try here.backup()
      #expect(rest["resumed"].string == partial)
      #expect(rest["files_unmodified"].number == saved.files, "round \(round)")
      #expect(rest["files_new"].number == 901 - saved.files, "round \(round)")
      let all = try here.snapshots()
      #expect(all.count == 1 && all[0]["partial"].flag == nil)
      try here.succeed("check", "--read-data")
      try here.succeed("log", "verify")
      #expect(try here.restoreSource().code == 0)
      try here.expectEqual(here.source, here.target, "--skip-root")
      try here.remove(here.target)
    }
    #expect(midway > 0, "no backup was killed midway")
  }

  /// The large file is in no partial snapshot, and yet its chunks are not stored again.
  @Test func aLargeFileMakesProgress() throws {
    let here = try prepare(seed: 32, large: 192 << 20)
    try here.remove(here.source + "/d0")
    var runs = 0
    // Killed again and again, each time after two more entries, until what is left is done before.
    while runs < 40 {
      let before = here.objects("log/commits/").count
      let running = try start(here, entries: before + 2)
      if running.ended(within: 0) {
        #expect(try running.wait().code == 0)
        break
      }
      running.send(SIGKILL)
      _ = try running.wait()
      runs += 1
    }
    _ = try here.backup()
    #expect(runs > 0)
    // What the log names, which is not what was stored and not named when the process was killed.
    let check = try here.succeed("check", "--read-data", "--json").message("summary")
    let named = try #require(check["bytes_read"].number)
    let source = bytes(here.source)
    #expect(named < source + source / 50 + (1 << 20), "\(named) of \(source) after \(runs) runs")
    #expect(try here.restoreSource().code == 0)
    try here.expectEqual(here.source, here.target, "--skip-root")
  }

  /// An interrupted one saves what it has; a second signal would end it at once.
  @Test(arguments: [SIGINT, SIGTERM]) func anInterruptedBackupSavesWhatItHas(signal: Int32) throws {
    let here = try prepare(seed: UInt64(signal))
    let running = try start(here, entries: here.objects("log/commits/").count + 2)
    running.send(signal)
    let outcome = try running.wait(limit: 60)
    guard outcome.code != 0 else { return }
    #expect(outcome.code == 130, "\(outcome.code): \(outcome.errors)")
    let left = try partials(here)
    #expect(left.count == 1)
    let saved = try verify(here, try #require(left.first?["id"].string))
    let rest = try here.backup()
    #expect(rest["files_unmodified"].number == saved.files)
    #expect(try partials(here).isEmpty)
    try here.succeed("check", "--read-data")
  }

  @Test func backupsOfOneSourceRace() throws {
    let here = try prepare(seed: 34, large: 8 << 20)
    for round in 0..<Tools.rounds(3, soak: 30) {
      var generator = SeededGenerator(seed: UInt64(round + 400))
      for number in 0..<120 {
        try here.write(
          generator.bytes(30_000), to: here.source + "/d\(number % 30)/new\(round)-\(number)")
      }
      let running = try (0..<3).map { _ in
        try here.start("backup", here.source, "--partial-interval", "5ms")
      }
      usleep(UInt32.random(in: 0...150_000, using: &generator))
      running[0].send(SIGKILL)
      _ = try running[0].wait()
      for process in running.dropFirst() {
        let outcome = try process.wait()
        #expect(outcome.code == 0, "round \(round): \(outcome.errors)")
      }
      try here.succeed("check", "--read-data")
    }
    _ = try here.backup()
    #expect(try partials(here).isEmpty)
    try here.succeed("log", "verify")
    #expect(try here.restoreSource().code == 0)
    try here.expectEqual(here.source, here.target, "--skip-root")
  }
}
