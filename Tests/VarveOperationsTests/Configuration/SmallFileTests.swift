import Glibc
import Testing
import VarveFormat
import VarveOperations
import VarveTestSupport

@Suite struct SmallFileTests {
  private let directory = TemporaryDirectory()

  /// Nobody writes into it, so whoever opened it as a file would wait for ever.
  @Test func aNamedPipeIsRefused() throws {
    mkfifo(directory("pipe"), 0o600)
    #expect(throws: VarveError(.usage, "")) { try SmallFile.bytes(at: directory("pipe")) }
    let including = directory("varve.yaml")
    try FileBytes.write(Array("include: pipe\n".utf8), to: including)
    let file = try ConfigurationFile.read(including) { _ in nil }
    #expect(file.problems.count == 1 && file.problems[0].message.contains("is a named pipe"))
  }

  /// As `<(command)` gives one, which may take its time.
  @Test func aPipeThatWasHandedOverIsRead() throws {
    var ends: [Int32] = [-1, -1]
    #expect(pipe(&ends) == 0)
    // No other test's program may keep it open.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let (reading, writing) = (ends[0], ends[1])
    defer { close(reading) }
    startThread {
      for word in ["a", "b"] {
        usleep(100_000)
        _ = write(writing, word, 1)
      }
      close(writing)
    }
    #expect(try SmallFile.bytes(at: "/dev/fd/\(reading)") == Array("ab".utf8))
  }
}
