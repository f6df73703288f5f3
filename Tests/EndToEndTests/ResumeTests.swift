import Foundation
import Glibc
import Testing
import VarveTestThreads

@Suite(.onOwnThreads) struct ResumeTests {
  private func prepare() throws -> Workspace {
    let here = try Workspace()
    var generator = SeededGenerator(seed: 77)
    for number in 0..<600 {
      let size = Int.random(in: 1...20_000, using: &generator)
      try here.write(generator.bytes(size), to: here.source + "/small\(number % 20)/\(number)")
    }
    for number in 0..<24 {
      let bytes = generator.bytes(1_500_000)
      try here.write(bytes, to: here.source + "/large\(number % 4)/\(number)")
    }
    symlink("small0", here.source + "/link")
    try here.initializeWithKeyFile()
    try here.useKeyFile()
    try here.backup()
    return here
  }

  /// Bytes of the target's files that have size and time of the source's.
  private func completeBytes(_ here: Workspace) -> Int {
    let names =
      FileManager.default.enumerator(atPath: here.target)?.compactMap { $0 as? String } ?? []
    return names.reduce(0) { sum, name in
      var there = stat()
      var right = stat()
      guard lstat("\(here.target)/\(name)", &there) == 0, there.st_mode & S_IFMT == S_IFREG,
        lstat("\(here.source)/\(name)", &right) == 0, there.st_size == right.st_size,
        there.st_mtim.tv_sec == right.st_mtim.tv_sec,
        there.st_mtim.tv_nsec == right.st_mtim.tv_nsec
      else { return sum }
      return sum + Int(there.st_size)
    }
  }

  @Test func aRestoreKilledAtAnyMomentGoesOn() throws {
    let here = try prepare()
    let whole = try here.restoreSource()
    #expect(whole.code == 0, "\(whole.errors)")
    try here.expectEqual(here.source, here.target, "--skip-root")
    try here.remove(here.target)
    var generator = SeededGenerator(seed: 78)
    var midway = 0
    for round in 0..<Tools.rounds(8, soak: 100) {
      let running = try here.start(
        "restore", "latest:\(here.source)", "--target", here.target, "--overwrite", "if-changed")
      let moment = Double.random(in: 0...whole.seconds, using: &generator)
      if !running.ended(within: Int32(moment * 1000)) { running.send(SIGKILL) }
      _ = try running.wait()
      let complete = completeBytes(here)
      let rest = try here.restoreSource("latest", "--overwrite", "if-changed", "--json")
      let when = "round \(round), killed after \(moment) s with \(complete) bytes done"
      #expect(rest.code == 0, "\(when): \(rest.errors)")
      let summary = try rest.message("summary")
      let total = try #require(summary["total_bytes"].number)
      let restored = try #require(summary["bytes_restored"].number)
      #expect(Int(restored) <= Int(total) - complete, "\(when): \(restored) of \(total)")
      if complete > 0, complete < Int(total) { midway += 1 }
      // Would show a file that has the right size and time but not the right content.
      try here.expectEqual(here.source, here.target, "--skip-root")
      try here.remove(here.target)
    }
    #expect(midway > 0, "no restore was killed midway")
  }

  @Test func whatIsThereIsNotReadAgain() throws {
    let here = try prepare()
    #expect(try here.restoreSource().code == 0)
    unlink(here.target + "/small3/3")
    // The shell's own counters have those of the programs that it waited for.
    let outcome = try here.run([
      "sh", "-c", "\"$@\" > /dev/null && cat /proc/$$/io", "sh", Tools.varve, "restore",
      "latest:\(here.source)", "--target", here.target, "--overwrite", "if-changed",
    ])
    #expect(outcome.code == 0, "\(outcome.errors)")
    try here.expectEqual(here.source, here.target, "--skip-root")
    let counter = try #require(outcome.lines.first { $0.hasPrefix("rchar:") })
    let read = try #require(Int(counter.dropFirst("rchar: ".count)))
    #expect(read < here.storedBytes() / 10, "\(read) bytes of \(here.storedBytes())")
  }
}
