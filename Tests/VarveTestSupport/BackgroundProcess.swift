import Glibc
import VarveFormat

/// A server that a test started. It ends with this object, and with the test's process, however that ends: a shell waits
/// at a socket for it.
public final class BackgroundProcess: Sendable {
  private let shell: pid_t
  private let lifeline: Int32

  /// - Parameters:
  ///   - command: the program and its arguments; found through PATH.
  ///   - log: a file for what it prints.
  /// - Throws: `VarveError.Code.io`.
  public init(_ command: [String], log: String) throws {
    let script = "exec 3<&0; \"$@\" </dev/null >>\"$0\" 2>&1 3<&- & read _ <&3; kill $!; wait"
    var ends: [Int32] = [-1, -1]
    // Sockets can be made so that no other test's process inherits them, and keeps this one waiting.
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
      throw VarveError(.io, "a test gets no socket")
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
    var child = pid_t()
    var words: [UnsafeMutablePointer<CChar>?] =
      (["sh", "-c", script, log] + command).map { strdup($0) } + [nil]
    // Threads that tests run on block signals, which a child would inherit: nothing could end it.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let result = posix_spawn(&child, "/bin/sh", &actions, &attributes, &words, environ)
    for word in words { free(word) }
    posix_spawn_file_actions_destroy(&actions)
    close(ends[0])
    guard result == 0 else {
      close(ends[1])
      throw VarveError(.io, "a test cannot run \(command)")
    }
    (shell, lifeline) = (child, ends[1])
  }

  deinit {
    close(lifeline)
    var status: Int32 = 0
    waitpid(shell, &status, 0)
  }

  /// Runs a command to its end.
  ///
  /// - Returns: its exit code; -1 when it could not be run or a signal ended it.
  @discardableResult public static func run(_ command: [String]) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    defer { posix_spawn_file_actions_destroy(&actions) }
    var child = pid_t()
    var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    guard posix_spawnp(&child, command[0], &actions, nil, &words, environ) == 0 else { return -1 }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    return status & 0x7f == 0 ? status >> 8 & 0xff : -1
  }

  /// A port of 127.0.0.1 that was free just now.
  public static func freePort() -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    } ? UInt16(bigEndian: address.sin_port) : 0
  }

  /// Waits until somebody listens on a port of 127.0.0.1.
  ///
  /// - Returns: false when nobody does within some seconds.
  public static func waitForListener(on port: UInt16, seconds: Double = 10) -> Bool {
    for _ in 0..<Int(seconds * 50) {
      let descriptor = socket(
        AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      defer { close(descriptor) }
      var address = loopback(port)
      let isConnected = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
      }
      if isConnected { return true }
      usleep(20_000)
    }
    return false
  }

  private static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }
}
