import CVarveLinux
import Glibc
import VarveFormat
import VarveRepository

/// A shell command that answers whoever runs this program: what it prints comes through a pipe; its standard error is ours, and so
/// is its standard input, unless it is given one.
///
/// On a terminal it can ask for something. Where there is none it leads a process group of its own, so that nothing of it stays
/// behind when its time is over.
package struct ShellCommand {
  /// From SIGTERM to SIGKILL, in nanoseconds.
  private static let grace: UInt64 = 10_000_000_000
  /// After it has ended, for what programs that it left behind may still print.
  private static let aftermath: UInt64 = 500_000_000

  private let text: String
  /// What messages call it.
  private let name: String
  private let timeout: Double

  /// - Parameter timeout: seconds after which it is ended.
  package init(_ text: String, name: String, timeout: Double = 300) {
    self.text = text
    self.name = name
    self.timeout = timeout
  }

  /// Runs it to its end.
  ///
  /// - Parameters:
  ///   - input: nil for our own standard input; else fits into a pipe (64 KiB), so that nobody waits for the other.
  ///   - isInterrupted: asked often; the command is ended when it throws.
  ///   - read: reads once from a descriptor that has something; false at its end. It may throw, which ends the command.
  /// - Throws: `io` when it cannot be run, fails, or takes too long; what the others throw.
  package func run(
    input: [UInt8]? = nil, isInterrupted: () throws -> Void, read: (Int32) throws -> Bool
  ) throws {
    let feed = try input.map { _ in try Pipe() }
    let answer: Pipe
    do { answer = try Pipe() } catch {
      feed?.close()
      throw error
    }
    let process: Started
    do {
      defer {
        if let feed { close(feed.reading) }
        close(answer.writing)
      }
      process = try start(input: feed?.reading, output: answer.writing)
    } catch {
      if let feed { close(feed.writing) }
      close(answer.reading)
      throw error
    }
    defer { process.closeHandle() }
    if let feed {
      Self.write(input ?? [], to: feed.writing)
      close(feed.writing)
    }
    let status: Int32
    do {
      // Before it is ended: whoever has more to say than is taken would wait for a reader.
      defer { close(answer.reading) }
      status = try supervise(process, answer.reading, isInterrupted, read)
    } catch {
      process.end(grace: Self.grace)
      throw error
    }
    // A raw wait status: the low seven bits are the signal, the next byte the exit code.
    guard status == 0 else {
      let how = status & 0x7f == 0 ? "exit code \(status >> 8 & 0xff)" : "signal \(status & 0x7f)"
      throw VarveError(.io, "\(name) failed with \(how)", hint: "run it by hand to see why")
    }
  }

  /// The raw wait status.
  private func supervise(
    _ process: Started, _ output: Int32, _ isInterrupted: () throws -> Void,
    _ read: (Int32) throws -> Bool
  ) throws -> Int32 {
    let began = MonotonicClock.nanoseconds
    let deadline = began &+ UInt64(max(0, min(timeout, 1e9)) * 1e9)
    var isOpen = true
    var ended: UInt64?
    while true {
      try isInterrupted()
      let now = MonotonicClock.nanoseconds
      if ended == nil, process.hasEnded() { ended = now }
      if let ended, !isOpen || now >= ended &+ Self.aftermath { return process.status ?? 0 }
      guard now < deadline || ended != nil else {
        throw VarveError(
          .io, "\(name) has not ended after \(HumanText.fixed(timeout, 0)) s",
          hint: "run it by hand to see what it waits for")
      }
      var polled = [
        pollfd(fd: isOpen ? output : -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: ended == nil ? process.handle : -1, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&polled, nfds_t(polled.count), 50) > 0, polled[0].revents != 0 else { continue }
      isOpen = try read(output)
    }
  }

  // MARK: Starting

  private func start(input: Int32?, output: Int32) throws -> Started {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input { posix_spawn_file_actions_adddup2(&actions, input, 0) }
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    let isAlone = !Self.hasTerminal
    var flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
    if isAlone { flags |= POSIX_SPAWN_SETPGROUP }
    posix_spawnattr_setflags(&attributes, Int16(flags))
    var (none, standard) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigemptyset(&standard)
    // What we ignore it would ignore, too.
    for signal in [SIGTERM, SIGPIPE] { sigaddset(&standard, signal) }
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &standard)
    var child = pid_t()
    let result = RawArgument.withCStrings(["/bin/sh", "-c", text]) {
      posix_spawn(&child, "/bin/sh", &actions, &attributes, $0, environ)
    }
    guard result == 0 else {
      throw VarveError(.io, "\(name) cannot be run: \(String(cString: strerror(result)))")
    }
    return Started(child: child, isAlone: isAlone)
  }

  /// Whether there is somebody whom it could ask; in a group of its own it would be stopped for asking.
  private static var hasTerminal: Bool {
    let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
    guard terminal >= 0 else { return false }
    close(terminal)
    return true
  }

  /// A command that reads nothing closes the pipe; what it answers decides.
  private static func write(_ bytes: [UInt8], to end: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(end, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}

/// The shell, once it runs.
private final class Started {
  private let child: pid_t
  /// Whether it leads a process group.
  private let isAlone: Bool
  /// Readable once it has ended; below 0 where there is none.
  let handle: Int32
  private(set) var status: Int32?

  init(child: pid_t, isAlone: Bool) {
    self.child = child
    self.isAlone = isAlone
    handle = varve_process_handle(child)
  }

  func closeHandle() { if handle >= 0 { close(handle) } }

  func hasEnded() -> Bool {
    guard status == nil else { return true }
    var raw: Int32 = 0
    let result = waitpid(child, &raw, WNOHANG)
    if result == child { status = raw }
    // Somebody else has waited for it: how it ended is not known, only that it has.
    if result < 0 && errno == ECHILD { status = 0xff << 8 }
    return status != nil
  }

  /// Ends it, and what is in its group, and waits for that.
  func end(grace: UInt64) {
    func isGone() -> Bool { hasEnded() && (!isAlone || kill(-child, 0) != 0) }
    func send(_ signal: Int32) {
      if isAlone { kill(-child, signal) } else if status == nil { kill(child, signal) }
    }
    let deadline = MonotonicClock.nanoseconds &+ grace
    if !isGone() { send(SIGTERM) }
    while !isGone() {
      guard MonotonicClock.nanoseconds < deadline else {
        send(SIGKILL)
        while !hasEnded() { usleep(10_000) }
        return
      }
      usleep(10_000)
    }
  }
}
