import Glibc

/// A program that a test starts and that ends with it: it gets the read end of a pipe as standard input, and the end of that
/// pipe tells it that nobody needs it any more, however the test ends.
public final class ServerProcess: @unchecked Sendable {
  public struct Failure: Error, CustomStringConvertible {
    public let description: String
    public init(description: String) { self.description = description }
  }

  private let identifier: pid_t
  private let input: Int32
  private let output: Int32
  private let buffer = LineBuffer()

  /// Read by one thread.
  private final class LineBuffer {
    var bytes: [UInt8] = []
  }

  /// - Parameters:
  ///   - command: the program, found through PATH, and its arguments.
  ///   - environment: variables besides those of the test.
  public init(_ command: [String], environment: [String: String] = [:]) throws {
    var inputEnds: [Int32] = [0, 0]
    var outputEnds: [Int32] = [0, 0]
    guard pipe(&inputEnds) == 0, pipe(&outputEnds) == 0 else {
      throw Failure(description: "no pipe for a test")
    }
    for end in inputEnds + outputEnds { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, inputEnds[0], 0)
    posix_spawn_file_actions_adddup2(&actions, outputEnds[1], 1)
    var variables: [String] = environment.map { "\($0)=\($1)" }
    var entry: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = environ
    while let pointer = entry.pointee {
      variables.append(String(cString: pointer))
      entry += 1
    }
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    var settings: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
    defer { for pointer in arguments + settings { free(pointer) } }
    var identifier = pid_t()
    let result = posix_spawnp(&identifier, command[0], &actions, nil, &arguments, &settings)
    close(inputEnds[0])
    close(outputEnds[1])
    guard result == 0 else {
      throw Failure(description: "\(command[0]): \(String(cString: strerror(result)))")
    }
    self.identifier = identifier
    input = inputEnds[1]
    output = outputEnds[0]
  }

  /// The next line of its standard output, without the line feed; nil at the end, and after `seconds` without one.
  public func readLine(within seconds: Int32 = 60) -> String? {
    while true {
      if let end = buffer.bytes.firstIndex(of: 0x0a) {
        defer { buffer.bytes.removeSubrange(...end) }
        return String(decoding: buffer.bytes[..<end], as: UTF8.self)
      }
      var waiting = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      let ready = poll(&waiting, 1, seconds * 1000)
      if ready < 0 && errno == EINTR { continue }
      var room = [UInt8](repeating: 0, count: 4096)
      guard ready > 0 else { return nil }
      let count = read(output, &room, room.count)
      guard count > 0 else { return nil }
      buffer.bytes += room[..<count]
    }
  }

  deinit {
    close(input)
    // Standard input's end is enough for those who look at it.
    kill(identifier, SIGTERM)
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
    close(output)
  }
}
