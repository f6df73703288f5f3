import Glibc

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
  private(set) var standardInput: Int32

  /// - Parameters:
  ///   - command: the program and its arguments; found through PATH.
  ///   - input: what to feed as standard input; nil leaves a pipe open at `standardInput`.
  init(
    _ command: [String], environment: [String: String], directory: String, input: [UInt8]? = []
  ) throws {
    outputFile = try Self.unnamedFile()
    errorFile = try Self.unnamedFile()
    var ends: [Int32] = [0, 0]
    guard pipe2(&ends, Int32(O_CLOEXEC)) == 0 else { throw SpawnFailure(description: "pipe2: \(errno)") }
    lifeline = ends[0]
    let childInput: Int32
    if let input {
      childInput = try Self.unnamedFile()
      try Self.writeAll(input, to: childInput)
      lseek(childInput, 0, SEEK_SET)
      standardInput = -1
    } else {
      var inputEnds: [Int32] = [0, 0]
      guard pipe2(&inputEnds, Int32(O_CLOEXEC)) == 0 else {
        throw SpawnFailure(description: "pipe2: \(errno)")
      }
      childInput = inputEnds[0]
      standardInput = inputEnds[1]
    }
    defer {
      close(ends[1])
      close(childInput)
    }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, childInput, 0)
    posix_spawn_file_actions_adddup2(&actions, outputFile, 1)
    posix_spawn_file_actions_adddup2(&actions, errorFile, 2)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 3)
    posix_spawn_file_actions_addchdir_np(&actions, directory)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for pointer in arguments + variables { free(pointer) } }
    var process: pid_t = 0
    started = monotonicSeconds()
    let result = posix_spawnp(&process, command[0], &actions, &attributes, &arguments, &variables)
    identifier = process
    guard result == 0 else {
      throw SpawnFailure(description: "\(command[0]): \(String(cString: strerror(result)))")
    }
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

  private static func unnamedFile() throws -> Int32 {
    let descriptor = memfd_create("varve-test", UInt32(MFD_CLOEXEC))
    guard descriptor >= 0 else { throw SpawnFailure(description: "memfd_create: \(errno)") }
    return descriptor
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
