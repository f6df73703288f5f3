import Glibc
import Synchronization

/// What a finished process left behind.
struct Outcome {
  /// The exit code, or -1 if a signal ended it.
  var code: Int32
  var signal: Int32?
  var output: [UInt8]
  var errors: String
  /// Wall-clock seconds.
  var seconds: Double
  /// Peak resident memory in bytes.
  var peakMemory: Int

  var text: String { String(decoding: output, as: UTF8.self) }
  var lines: [Substring] { text.split(separator: "\n") }
}

struct SpawnFailure: Error, CustomStringConvertible {
  var description: String
}

/// A running program with its output in files, so that it can never block on a full pipe.
///
/// It holds the write end of a pipe; the read end reports a hang-up when it ends. That is how waiting with a
/// limit works without a clock tick.
final class RunningProcess {
  let identifier: pid_t
  private let outputFile: Int32
  private let errorFile: Int32
  private let lifeline: Int32
  private let started: Double
  /// Held from the making of descriptors until the child has them: no other child may inherit them.
  private static let spawning = Mutex(())
  private(set) var standardInput: Int32

  /// - Parameters:
  ///   - command: the program and its arguments; found through PATH.
  ///   - directory: where to run it; nil for wherever the tests run.
  ///   - input: what to feed as standard input; nil leaves a pipe open at `standardInput`.
  init(
    _ command: [String], environment: [String: String], directory: String? = nil,
    input: [UInt8]? = []
  ) throws {
    let command = (directory.map { ["env", "--chdir", $0] } ?? []) + command
    let made = try Self.spawning.withLock { _ in
      let output = try Self.unnamedFile()
      let errors = try Self.unnamedFile()
      let life = try Self.pipeEnds()
      let inputEnds: (read: Int32, write: Int32)
      if let input {
        inputEnds = (try Self.unnamedFile(), -1)
        try Self.writeAll(input, to: inputEnds.read)
        lseek(inputEnds.read, 0, SEEK_SET)
      } else {
        inputEnds = try Self.pipeEnds()
      }
      defer {
        close(life.write)
        close(inputEnds.read)
      }
      let started = monotonicSeconds()
      let process = try Self.spawn(
        command, environment, descriptors: [inputEnds.read, output, errors, life.write])
      return (process, output, errors, life.read, inputEnds.write, started)
    }
    (identifier, outputFile, errorFile, lifeline, standardInput, started) = made
  }

  private static func spawn(
    _ command: [String], _ environment: [String: String], descriptors: [Int32]
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, descriptor) in descriptors.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] =
      environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for pointer in arguments + variables { free(pointer) } }
    var process: pid_t = 0
    let result = posix_spawnp(&process, command[0], &actions, &attributes, &arguments, &variables)
    guard result == 0 else {
      throw SpawnFailure(description: "\(command[0]): \(String(cString: strerror(result)))")
    }
    return process
  }

  func send(_ signal: Int32) { kill(identifier, signal) }

  /// Writes to the open standard input; blocks while the process does not read.
  func feed(_ bytes: [UInt8]) throws { try Self.writeAll(bytes, to: standardInput) }

  func closeInput() {
    if standardInput >= 0 { close(standardInput) }
    standardInput = -1
  }

  /// True when the process ended within so many milliseconds.
  func ended(within milliseconds: Int32) -> Bool {
    var waiting = pollfd(fd: lifeline, events: Int16(POLLIN), revents: 0)
    return poll(&waiting, 1, milliseconds) > 0
  }

  /// Waits for the end; after `limit` seconds the process is killed and the wait fails.
  func wait(limit: Int32 = 900) throws -> Outcome {
    let late = !ended(within: limit * 1000)
    if late { send(SIGKILL) }
    var status: Int32 = 0
    var usage = rusage()
    while wait4(identifier, &status, 0, &usage) < 0 && errno == EINTR {}
    let seconds = monotonicSeconds() - started
    closeInput()
    let outcome = Outcome(
      code: status & 0x7f == 0 ? (status >> 8) & 0xff : -1,
      signal: status & 0x7f == 0 ? nil : status & 0x7f,
      output: Self.contents(outputFile),
      errors: String(decoding: Self.contents(errorFile), as: UTF8.self),
      seconds: seconds, peakMemory: usage.ru_maxrss * 1024)
    close(outputFile)
    close(errorFile)
    close(lifeline)
    if late {
      throw SpawnFailure(description: "still running after \(limit) s; stderr: \(outcome.errors)")
    }
    return outcome
  }

  /// A file without a name, above the descriptors that the child gets.
  private static func unnamedFile() throws -> Int32 {
    var template = Array("/tmp/varve-test-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw SpawnFailure(description: "mkstemp: \(errno)") }
    unlink(template)
    return try closingOnExec(descriptor)
  }

  private static func pipeEnds() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw SpawnFailure(description: "pipe: \(errno)") }
    return (try closingOnExec(ends[0]), try closingOnExec(ends[1]))
  }

  /// Moves a descriptor out of the range that the child's actions write to, and keeps it from the child.
  private static func closingOnExec(_ descriptor: Int32) throws -> Int32 {
    let moved = fcntl(descriptor, F_DUPFD_CLOEXEC, 10)
    guard moved >= 0 else { throw SpawnFailure(description: "fcntl: \(errno)") }
    close(descriptor)
    return moved
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws {
    var position = 0
    while position < bytes.count {
      let count = bytes.withUnsafeBytes {
        write(descriptor, $0.baseAddress! + position, $0.count - position)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw SpawnFailure(description: "write: \(errno)") }
      position += count
    }
  }

  private static func contents(_ descriptor: Int32) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(lseek(descriptor, 0, SEEK_END)))
    var position = 0
    while position < bytes.count {
      let count = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress! + position, $0.count - position, off_t(position))
      }
      guard count > 0 else { break }
      position += count
    }
    return bytes
  }
}

func monotonicSeconds() -> Double {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}
