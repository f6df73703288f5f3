import Glibc
import Testing
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport
import VarveTestThreads

/// Commands that answer us: password commands, and those that time-stamp.
@Suite(.onOwnThreads) struct ShellCommandTests {
  private func run(
    _ script: String, timeout: Double = 60, input: [UInt8]? = nil,
    isInterrupted: () throws -> Void = {}
  ) throws -> String {
    var answer: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    try ShellCommand(script, name: "the command", timeout: timeout).run(
      input: input, isInterrupted: isInterrupted
    ) { file in
      let count = read(file, &piece, piece.count)
      answer += piece.prefix(max(0, count))
      return count > 0
    }
    return String(decoding: answer, as: UTF8.self)
  }

  private func seconds(since began: UInt64) -> Double {
    Double(MonotonicClock.nanoseconds - began) / 1e9
  }

  @Test func itAnswersWhatItIsAsked() throws {
    #expect(try run("cat; echo there", input: Array("here and ".utf8)) == "here and there\n")
    #expect(try run("echo unread", input: [UInt8](repeating: 65, count: 60_000)) == "unread\n")
    #expect(throws: VarveError(.io, "")) { try run("echo half; exit 3") }
    #expect(throws: VarveError(.io, "")) { try run("/no/such/program") }
  }

  @Test func itsTimeIsLimited() throws {
    let began = MonotonicClock.nanoseconds
    #expect(throws: VarveError(.io, "")) { try run("sleep 300", timeout: 0.2) }
    // Nobody prints any more, but it goes on.
    #expect(throws: VarveError(.io, "")) { try run("exec >&-; sleep 300", timeout: 0.2) }
    #expect(seconds(since: began) < 20)
  }

  @Test func whoStopsUsStopsIt() throws {
    let flag = CancellationFlag()
    startThread {
      usleep(200_000)
      flag.cancel()
    }
    let began = MonotonicClock.nanoseconds
    #expect(throws: VarveError(.interrupted, "")) {
      try run("sleep 300", isInterrupted: { try flag.check() })
    }
    #expect(seconds(since: began) < 20)
  }

  /// What it leaves behind may keep the pipe open.
  @Test func whatIsLeftBehindIsNotWaitedFor() throws {
    let began = MonotonicClock.nanoseconds
    #expect(try run("sleep 30 & echo started") == "started\n")
    #expect(seconds(since: began) < 20)
  }

  @Test func aPasswordIsNotWaitedForForever() throws {
    func password(_ command: String, isInterrupted: () throws -> Void = {}) throws -> Int {
      let secret = try SecretFile.password(
        command: command, timeout: 2, isInterrupted: isInterrupted)
      return secret.count
    }
    let flag = CancellationFlag()
    flag.cancel()
    let began = MonotonicClock.nanoseconds
    #expect(try password("printf secret") == 6)
    #expect(throws: VarveError(.io, "")) { try password("printf secret; sleep 300") }
    #expect(throws: VarveError(.interrupted, "")) {
      try password("printf secret; sleep 300") { try flag.check() }
    }
    #expect(seconds(since: began) < 30)
  }
}
