import Glibc
import Testing
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport
import VarveTestThreads

@Suite(.onOwnThreads) struct CommandRunTests {
  private func run(
    _ script: String, timeout: Double = 30, environment: [String: String] = [:],
    input: [UInt8] = [], limit: Int = 1 << 16
  ) throws -> CommandOutcome {
    var command = CommandSpecification(.shell(script))
    command.timeout = timeout
    return try CommandRun.run(
      command, environment: environment, input: input, outputLimit: limit)
  }

  private func descriptors() -> Int {
    (0..<1024).count { fcntl(Int32($0), F_GETFD) >= 0 }
  }

  @Test func outputErrorsAndStatus() throws {
    let outcome = try run("echo out; echo err >&2; exit 7")
    #expect(outcome.ending == .exited(7))
    #expect(!outcome.isSuccess)
    #expect(String(decoding: outcome.output, as: UTF8.self) == "out\n")
    #expect(String(decoding: outcome.errors, as: UTF8.self) == "err\n")
    #expect(outcome.failure == "it failed with status 7: err")
    #expect(try run("true").failure == nil)
    #expect(try run("kill -9 $$").ending == .signalled(9))
  }

  @Test func whatCannotBeStartedHasAnOutcome() throws {
    let missing = try CommandRun.run(CommandSpecification(.arguments(["/no/such/program"])))
    guard case .notStarted(let reason) = missing.ending else {
      Issue.record("\(missing)")
      return
    }
    #expect(reason.contains("/no/such/program"))
    var elsewhere = CommandSpecification(.shell("true"))
    elsewhere.workingDirectory = "/no/such/directory"
    #expect(try CommandRun.run(elsewhere).failure?.contains("/no/such/directory") == true)
    for words in [[], [""], ["true", "a\0b"]] {
      #expect(try !CommandRun.run(CommandSpecification(.arguments(words))).isSuccess)
    }
  }

  @Test func argumentsAreNotForAShell() throws {
    let outcome = try CommandRun.run(
      CommandSpecification(.arguments(["printf", "%s|", "$HOME", "a b", ""])))
    #expect(String(decoding: outcome.output, as: UTF8.self) == "$HOME|a b||")
  }

  @Test func aDirectoryAndVariables() throws {
    let here = TemporaryDirectory()
    var command = CommandSpecification(.shell("pwd; echo $A $B"))
    command.workingDirectory = here.path
    command.environment = ["A": "own", "B": "own"]
    let outcome = try CommandRun.run(command, environment: ["B": "given"])
    #expect(String(decoding: outcome.output, as: UTF8.self) == "\(here.path)\nown given\n")
  }

  @Test func aCommandInheritsNothingElse() throws {
    let file = open("/dev/null", O_RDONLY)
    defer { close(file) }
    let outcome = try run("ls /proc/self/fd | wc -l; ps -o pgid= -o sid= -p $$; echo $$")
    let lines = String(decoding: outcome.output, as: UTF8.self).split(separator: "\n")
    // Its three streams, and what ls opens.
    #expect(lines[0] == "4", "\(lines)")
    #expect(lines[1].split(separator: " ") == [lines[2], lines[2]], "it leads its group")
  }

  @Test func inputThatIsNotReadIsNoFailure() throws {
    let input = [UInt8](repeating: 65, count: 3 << 20)
    #expect(try run("true", input: input).isSuccess)
    let counted = try run("wc -c", input: input)
    #expect(String(decoding: counted.output, as: UTF8.self).contains("\(3 << 20)"))
    // Both ways at once, more than pipes hold.
    let echoed = try run("cat", input: input, limit: 8 << 20)
    #expect(echoed.output == input)
    #expect(!echoed.isOutputTruncated)
  }

  @Test func outputIsBounded() throws {
    let outcome = try run("seq 1 200000; seq 1 200000 >&2", limit: 1000)
    #expect(outcome.isSuccess)
    #expect(outcome.output.count == 1000)
    #expect(outcome.isOutputTruncated)
    #expect(outcome.output.starts(with: Array("1\n2\n3\n".utf8)), "the beginning is kept")
    #expect(outcome.errors.count <= 1 << 14)
    #expect(outcome.errors.suffix(7) == Array("200000\n".utf8), "the end is kept")
    #expect(
      try run("echo bad; printf 'a\\033[31m\\nb\\n' >&2; exit 1").failure?.hasSuffix(
        "a\\x1b[31m / b") == true)
  }

  @Test func aTimeOutEndsTheWholeGroup() throws {
    let here = TemporaryDirectory()
    let outcome = try run(
      "sleep 300 & echo $! >\(here("child")); sleep 300", timeout: 0.3)
    #expect(outcome.ending == .timedOut)
    #expect(outcome.seconds < 5, "sleep ends at SIGTERM")
    #expect(outcome.failure?.contains("too long") == true)
    let child = String(decoding: try FileBytes.read(here("child")), as: UTF8.self)
    let number = try #require(pid_t(child.dropLast()))
    // A zombie until init has seen it; signals do not tell the two apart.
    let state = (try? FileBytes.read("/proc/\(number)/stat")).map {
      String(decoding: $0, as: UTF8.self)
    }
    #expect(state == nil || state?.contains(") Z ") == true, "\(state ?? "")")
  }

  @Test func whoIgnoresSIGTERMIsKilled() throws {
    let outcome = try run("trap '' TERM; while :; do sleep 0.1; done", timeout: 0.2)
    #expect(outcome.ending == .timedOut)
    #expect((9.5..<20).contains(outcome.seconds), "\(outcome.seconds)")
  }

  @Test func whoEndsInTimeAfterSIGTERMHasSaidWhatItHadToSay() throws {
    let outcome = try run(
      "trap 'echo cleaned; exit 3' TERM; while :; do sleep 0.05; done", timeout: 0.3)
    #expect(outcome.ending == .timedOut)
    #expect(String(decoding: outcome.output, as: UTF8.self) == "cleaned\n")
  }

  @Test func aProgramThatIsLeftBehindIsNotWaitedFor() throws {
    let outcome = try run("sleep 30 & echo started")
    #expect(outcome.isSuccess)
    #expect(outcome.seconds < 5)
    #expect(String(decoding: outcome.output, as: UTF8.self) == "started\n")
  }

  @Test func cancellationEndsIt() throws {
    let flag = CancellationFlag()
    startThread {
      usleep(200_000)
      flag.cancel()
    }
    let began = MonotonicClock.nanoseconds
    #expect(throws: VarveError(.interrupted, "")) {
      try CommandRun.run(CommandSpecification(.shell("sleep 300")), cancellation: flag)
    }
    #expect(MonotonicClock.nanoseconds - began < 5_000_000_000)
  }

  @Test func nothingIsLeftOpen() throws {
    // Other tests of this process open and close, too: the number must not grow with that of commands.
    let before = descriptors()
    for _ in 0..<100 { _ = try run("true", input: [1]) }
    for _ in 0..<100 { _ = try run("exit 1") }
    for _ in 0..<100 {
      _ = try CommandRun.run(CommandSpecification(.arguments(["/no/such/program"])))
    }
    #expect(descriptors() < before + 60)
  }

  /// Its shell has ended; what it has left behind keeps the output open, and goes at the time-out, or when nobody wants more.
  @Test(arguments: [true, false])
  func outputThatNeverEndsIsEnded(isTimedOut: Bool) throws {
    let command = try RunningCommand(
      CommandSpecification(.shell("echo data; sleep 300 & exit 0")), environment: [:],
      handsOverOutput: true, timeout: isTimedOut ? 0.5 : 60)
    defer { close(command.output) }
    let began = MonotonicClock.nanoseconds
    usleep(200_000)
    #expect(command.isRunning, "not all is read")
    if !isTimedOut { #expect(command.stop().ending == .exited(0)) }
    var bytes = [UInt8](repeating: 0, count: 100)
    var text: [UInt8] = []
    while true {
      let count = read(command.output, &bytes, bytes.count)
      guard count > 0 else { break }
      text += bytes[..<count]
    }
    #expect(text == Array("data\n".utf8))
    if isTimedOut {
      let outcome = command.wait()
      #expect(outcome.ending == .timedOut)
      // Not when the shell ended, at once.
      #expect(outcome.seconds >= 0.5, "\(outcome.failure ?? "")")
    }
    #expect(MonotonicClock.nanoseconds - began < 60_000_000_000)
  }

  @Test func aServiceRunsUntilItIsStopped() throws {
    let here = TemporaryDirectory()
    var command = CommandSpecification(
      .shell("trap 'echo bye; exit 0' TERM; seq 1 100000; while :; do sleep 0.05; done"))
    command.workingDirectory = here.path
    command.timeout = 0.1
    let service = try RunningCommand(command)
    usleep(400_000)
    #expect(service.isRunning, "its time-out does not count")
    let outcome = service.stop()
    #expect(!service.isRunning)
    #expect(outcome.ending == .exited(0))
    #expect(outcome.isOutputTruncated)
    #expect(service.stop() == outcome)
    #expect(throws: VarveError(.io, "")) {
      try RunningCommand(CommandSpecification(.arguments(["/no/such/program"])))
    }
    let brief = try RunningCommand(CommandSpecification(.shell("exit 4")))
    while brief.isRunning { usleep(10_000) }
    #expect(brief.stop().ending == .exited(4))
  }
}
