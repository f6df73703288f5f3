import Glibc
import VarveFormat
import VarveOperations

/// A shell command that takes bytes on its standard input and answers on its standard output; its standard error is ours.
struct FilterCommand {
  private static let largestAnswer = 1 << 20

  let command: String

  /// - Parameter input: fits into a pipe (64 KiB), so that nobody waits for the other.
  /// - Throws: `io` when the command cannot be run or fails.
  func run(_ input: [UInt8]) throws -> [UInt8] {
    let (feed, answer) = (try Pipe(), try Pipe())
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, feed.reading, 0)
    posix_spawn_file_actions_adddup2(&actions, answer.writing, 1)
    var child = pid_t()
    let status = RawArgument.withCStrings(["/bin/sh", "-c", command]) {
      posix_spawn(&child, "/bin/sh", &actions, nil, $0, environ)
    }
    close(feed.reading)
    close(answer.writing)
    guard status == 0 else {
      close(feed.writing)
      close(answer.reading)
      throw VarveError(.io, "cannot run '\(command)': \(String(cString: strerror(status)))")
    }
    // A command that reads nothing closes the pipe; what it answers decides.
    var rest = input[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(feed.writing, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break }
      rest = rest.dropFirst(count)
    }
    close(feed.writing)
    let bytes = Result {
      try SmallFile.bytes(of: answer.reading, "'\(command)'", limit: Self.largestAnswer)
    }
    // Before waiting: whoever has more to say than is taken would wait for a reader.
    close(answer.reading)
    var outcome: Int32 = 0
    while waitpid(child, &outcome, 0) < 0 && errno == EINTR {}
    let taken = try bytes.get()
    guard outcome == 0 else {
      // A raw wait status: the low seven bits are the signal, the next byte the exit code.
      let what =
        outcome & 0x7f == 0 ? "exit code \(outcome >> 8 & 0xff)" : "signal \(outcome & 0x7f)"
      throw VarveError(
        .io, "'\(command)' failed with \(what)", hint: "run it by hand to see why")
    }
    return taken
  }
}
