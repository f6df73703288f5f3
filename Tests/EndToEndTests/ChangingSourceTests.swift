import Foundation
import Glibc
import Testing
import VarveTestThreads

/// Files that change while they are read: the snapshot is saved, the exit code is 3, each file is named.
///
/// To change a file at a known moment the backup is stopped (SIGSTOP) once /proc shows that it holds
/// the file open and has read a part of it, and continued afterwards.
@Suite(.onOwnThreads) struct ChangingSourceTests {
  private let size = 192 << 20

  private func backUp(
    _ here: Workspace, whileReading path: String, change: () throws -> Void
  ) throws -> Outcome {
    let running = try here.start("backup", "--json", here.source)
    let directory = "/proc/\(running.identifier)/fd"
    var caught = false
    while !caught && !running.ended(within: 0) {
      guard bytesRead(by: running) > 16 << 20 else { continue }
      let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
      caught = names.contains {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)")) == path
      }
    }
    if caught {
      running.send(SIGSTOP)
      try change()
      running.send(SIGCONT)
    }
    let outcome = try running.wait()
    try #require(caught, "the backup never held \(path) open: \(outcome.errors)")
    return outcome
  }

  private func bytesRead(by process: RunningProcess) -> Int {
    let path = "/proc/\(process.identifier)/io"
    guard let data = FileManager.default.contents(atPath: path) else { return 0 }
    let first = String(decoding: data, as: UTF8.self).split(separator: "\n").first ?? ""
    return Int(first.split(separator: " ").last ?? "") ?? 0
  }

  private func prepare() throws -> Workspace {
    let here = try Workspace()
    var generator = SeededGenerator(seed: 77)
    let content = generator.bytes(size)
    try here.write(content, to: here.source + "/a large")
    try here.write("kept", to: here.source + "/b kept")
    try here.initializeWithKeyFile()
    return here
  }

  private func expectNamed(_ here: Workspace, _ outcome: Outcome, _ name: String) throws {
    #expect(outcome.code == 3, "\(outcome.code): \(outcome.errors)")
    #expect(outcome.errors.contains(name), "\(name) is named: \(outcome.errors)")
    #expect(try outcome.message("summary")["snapshot_id"].exists)
    #expect(try here.succeed("dump", "latest", here.source + "/b kept").text == "kept")
    try here.succeed("check", "--read-data")
  }

  @Test func aFileThatGrows() throws {
    let here = try prepare()
    let path = here.source + "/a large"
    let outcome = try backUp(here, whileReading: path) {
      let file = open(path, O_WRONLY | O_APPEND)
      for _ in 0..<100 { _ = Glibc.write(file, "more", 4) }
      close(file)
    }
    try expectNamed(here, outcome, "a large")
  }

  @Test func aFileThatShrinks() throws {
    let here = try prepare()
    let path = here.source + "/a large"
    let outcome = try backUp(here, whileReading: path) { truncate(path, off_t(size - 4096)) }
    try expectNamed(here, outcome, "a large")
  }

  @Test func aFileThatIsSmallEnoughIsReadAgain() throws {
    let here = try prepare()
    let path = here.source + "/a large"
    let outcome = try backUp(here, whileReading: path) { truncate(path, 1000) }
    try expectNamed(here, outcome, "a large")
    let saved = try here.succeed("dump", "latest", path).output
    #expect(saved.starts(with: try here.read(path)))
  }

  @Test func filesThatVanish() throws {
    let here = try prepare()
    var generator = SeededGenerator(seed: 78)
    for number in 0..<16 {
      try here.write(generator.bytes(24 << 20), to: here.source + "/c\(number)")
    }
    try here.write("short-lived", to: here.source + "/z gone")
    let outcome = try backUp(here, whileReading: here.source + "/a large") {
      unlink(here.source + "/z gone")
    }
    try expectNamed(here, outcome, "z gone")
  }

  @Test func theNextBackupReadsAChangedFileAgain() throws {
    let here = try prepare()
    let path = here.source + "/a large"
    _ = try backUp(here, whileReading: path) {
      let file = open(path, O_WRONLY)
      _ = pwrite(file, "changed at the end", 18, off_t(size - 18))
      close(file)
    }
    try here.backup()
    try here.succeed("restore", "latest:\(here.source)", "--target", here.target)
    try here.expectEqual(here.source, here.target, "--skip-root")
  }
}
