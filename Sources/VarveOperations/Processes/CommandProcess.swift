import CVarveLinux
import Glibc
import VarveFormat
import VarveRepository
import VarveStorage

/// A command that was started, with our ends of its streams.
///
/// It leads a session, and so a process group, of its own, and has no descriptors but its three streams; no terminal can ask it
/// anything. Used by one thread at a time, which must call `supervise`, or it stays behind as a zombie.
final class CommandProcess: @unchecked Sendable {
  /// It could not be started.
  struct NotStarted: Error { let reason: String }

  /// From SIGTERM to SIGKILL, in nanoseconds.
  private static let grace: UInt64 = 10_000_000_000
  /// After a command has ended, for what programs that it left behind may still write to its streams.
  private static let aftermath: UInt64 = 500_000_000

  let started = MonotonicClock.nanoseconds
  /// Of it, and of the process group that it leads.
  var identifier: pid_t { child }
  private let child: pid_t
  private let handle: Int32
  private let input: [UInt8]
  private var written = 0
  private var feed: Int32
  private var output: Int32
  private var errors: Int32
  private var isOutputHandedOver = false
  private var outputCapture: OutputCapture
  private var errorCapture = OutputCapture(limit: 1 << 14, keepsEnd: true)

  /// - Parameters:
  ///   - outputLimit: how much of its standard output is kept.
  /// - Throws: `NotStarted`.
  init(
    _ command: CommandSpecification, environment: [String: String], input: [UInt8],
    outputLimit: Int
  ) throws {
    let words: [String] =
      switch command.form {
      case .shell(let text): ["/bin/sh", "-c", text]
      case .arguments(let words): words
      }
    guard words.first?.isEmpty == false else { throw NotStarted(reason: "it has no name") }
    let variables = command.environment.merging(environment) { $1 }
    let texts = words + variables.flatMap { [$0.key, $0.value] }
    guard !(texts + [command.workingDirectory ?? ""]).contains(where: { $0.utf8.contains(0) })
    else { throw NotStarted(reason: "a zero byte is in it") }
    var pipes = Pipes()
    defer { pipes.close() }
    try pipes.open(hasInput: !input.isEmpty)
    var child = pid_t()
    let result = CommandEnvironment.withCStrings(words.map { Array($0.utf8) }) { words in
      CommandEnvironment.withCStrings(CommandEnvironment.entries(adding: variables)) {
        varve_spawn_command(
          words, $0, command.workingDirectory, pipes.input.reading, pipes.output.writing,
          pipes.errors.writing, &child)
      }
    }
    guard result == 0 else {
      if let directory = command.workingDirectory, access(directory, X_OK) != 0 {
        throw NotStarted(reason: "\(directory): \(SystemError.text(errno))")
      }
      throw NotStarted(
        reason: "\(ByteText.printable(words[0])): \(SystemError.text(-result))")
    }
    self.child = child
    self.input = input
    outputCapture = OutputCapture(limit: outputLimit, keepsEnd: false)
    handle = varve_process_handle(child)
    (feed, output, errors) = pipes.takeOurs()
    for end in [feed, output, errors] where end >= 0 {
      _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK)
    }
  }

  deinit { for end in [feed, output, errors, handle] where end >= 0 { close(end) } }

  /// Gives up what it prints to somebody else, who closes the descriptor; a blocking one.
  func handOverOutput() -> Int32 {
    defer { output = -1 }
    isOutputHandedOver = true
    _ = fcntl(output, F_SETFL, fcntl(output, F_GETFL) & ~O_NONBLOCK)
    return output
  }

  /// Feeds and listens to the command until it has ended, and, where its output was handed over, until that has: what it has left
  /// behind may still write.
  ///
  /// - Parameters:
  ///   - timeout: seconds after which it is ended, with what it has left behind; nil for never.
  ///   - isStopped: asked often; once it is true the command is ended.
  ///   - isRead: whether whoever took its output has come to the end of it, or wants no more.
  func supervise(
    timeout: Double?, isStopped: () -> Bool, isRead: () -> Bool = { true }
  ) -> CommandOutcome {
    let deadline = timeout.map { started &+ UInt64(max(0, min($0, 1e9)) * 1e9) }
    var hasTimedOut = false
    var killTime: UInt64?
    var status: Int32?
    var ended: UInt64 = 0
    /// When its time was over, though the command itself may have ended before.
    var stopped: UInt64 = 0
    while true {
      exchange(waiting: status == nil ? 50 : 10, for: status == nil ? handle : -1)
      let now = MonotonicClock.nanoseconds
      if status == nil, let raw = reaped() { (status, ended) = (raw, now) }
      if let killTime {
        // Its own end is not that of the others in its group, who were told to end, too.
        let isGone = status != nil && kill(-child, 0) != 0
        if isGone { break }
        if now >= killTime {
          kill(-child, SIGKILL)
          if status != nil { break }
        }
      } else if status != nil && (!isOutputHandedOver || isRead() && !isStopped()) {
        if (output < 0 && errors < 0) || now >= ended &+ Self.aftermath { break }
      } else {
        hasTimedOut = deadline.map { now >= $0 } ?? false
        if hasTimedOut { stopped = now }
        if hasTimedOut || isStopped() {
          kill(-child, SIGTERM)
          killTime = now &+ Self.grace
        }
      }
    }
    exchange(waiting: 0, for: -1)
    // A raw wait status: the low seven bits are the signal, the next byte the exit code.
    let raw = status ?? 0
    var outcome = CommandOutcome(
      ending: hasTimedOut
        ? .timedOut : raw & 0x7f == 0 ? .exited(raw >> 8 & 0xff) : .signalled(raw & 0x7f))
    outcome.output = outputCapture.bytes
    outcome.isOutputTruncated = outputCapture.isTruncated
    outcome.errors = errorCapture.bytes
    outcome.seconds = Double(max(ended, stopped) &- started) / 1e9
    return outcome
  }

  /// The raw wait status, once it has ended.
  private func reaped() -> Int32? {
    var status: Int32 = 0
    let result = waitpid(child, &status, WNOHANG)
    if result == child { return status }
    // Somebody else has waited for it: how it ended is not known, only that it has.
    if result < 0 && errno == ECHILD { return 0xff << 8 }
    return nil
  }

  /// Waits for something to do, or for the end of the process `handle`, at most so many milliseconds, and does it.
  private func exchange(waiting milliseconds: Int32, for handle: Int32) {
    var polled = [
      pollfd(fd: output, events: Int16(POLLIN), revents: 0),
      pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
      pollfd(fd: feed, events: Int16(POLLOUT), revents: 0),
      pollfd(fd: handle, events: Int16(POLLIN), revents: 0),
    ]
    guard poll(&polled, nfds_t(polled.count), milliseconds) > 0 else { return }
    if polled[0].revents != 0 { Self.drain(&output, into: &outputCapture) }
    if polled[1].revents != 0 { Self.drain(&errors, into: &errorCapture) }
    if polled[2].revents != 0 { write() }
  }

  /// At most a mebibyte, so that who writes without end is stopped in time all the same.
  private static func drain(_ end: inout Int32, into capture: inout OutputCapture) {
    withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
      for _ in 0..<16 {
        let count = read(end, buffer.baseAddress, buffer.count)
        if count < 0 && errno == EINTR { continue }
        if count < 0 && errno == EAGAIN { return }
        guard count > 0 else {
          close(end)
          end = -1
          return
        }
        capture.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      }
    }
  }

  private func write() {
    let count = input[written...].withUnsafeBytes { Self.writeWithoutSignal(feed, $0) }
    if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
    // A command that reads no more is no failure; how it ends decides.
    if count > 0 { written += count }
    guard count <= 0 || written == input.count else { return }
    close(feed)
    feed = -1
  }

  private static func writeWithoutSignal(_ end: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    var (pipe, before, pending) = (sigset_t(), sigset_t(), sigset_t())
    sigemptyset(&pipe)
    sigaddset(&pipe, SIGPIPE)
    sigpending(&pending)
    pthread_sigmask(SIG_BLOCK, &pipe, &before)
    let count = Glibc.write(end, bytes.baseAddress, bytes.count)
    let code = errno
    if count < 0 && code == EPIPE && sigismember(&pending, SIGPIPE) == 0 {
      var now = timespec()
      _ = sigtimedwait(&pipe, nil, &now)
    }
    pthread_sigmask(SIG_SETMASK, &before, nil)
    errno = code
    return count
  }
}

/// The ends of a command's streams until it has been started.
private struct Pipes {
  struct Ends {
    var reading: Int32 = -1
    var writing: Int32 = -1
  }

  var input = Ends()
  var output = Ends()
  var errors = Ends()

  mutating func open(hasInput: Bool) throws {
    if hasInput {
      input = try Self.pipe()
    } else {
      input.reading = varve_open(AT_FDCWD, "/dev/null", O_RDONLY, 0)
    }
    output = try Self.pipe()
    errors = try Self.pipe()
  }

  private static func pipe() throws -> Ends {
    var ends: [Int32] = [-1, -1]
    let result = varve_pipe(&ends)
    guard result == 0 else {
      throw CommandProcess.NotStarted(reason: "no pipe: \(SystemError.text(-result))")
    }
    return Ends(reading: ends[0], writing: ends[1])
  }

  /// Gives up our ends: where the input is written, and where the output and the errors are read.
  mutating func takeOurs() -> (Int32, Int32, Int32) {
    defer { (input.writing, output.reading, errors.reading) = (-1, -1, -1) }
    return (input.writing, output.reading, errors.reading)
  }

  func close() {
    for ends in [input, output, errors] {
      if ends.reading >= 0 { Glibc.close(ends.reading) }
      if ends.writing >= 0 { Glibc.close(ends.writing) }
    }
  }
}
