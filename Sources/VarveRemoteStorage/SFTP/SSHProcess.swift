import CVarveLinux
import Glibc
import VarveFormat
import VarveStorage

/// A running ssh, or another command that speaks SFTP on its standard input and output.
///
/// It has a session of its own: the terminal's Ctrl-C does not reach it, so that an interrupted backup can still commit
/// its end, and it has no terminal to ask on. When this process dies its input ends, and so does it.
final class SSHProcess: Sendable {
  private let identifier: pid_t
  /// Its standard input and output. A socket: writing to one that is closed raises no signal.
  let channel: Int32
  /// Its standard error.
  let errors: Int32

  /// - Throws: `VarveError.Code.io` when it cannot be started.
  init(_ arguments: [String]) throws {
    let (ours, theirs) = try Self.socketPair()
    defer { close(theirs) }
    let said: (ours: Int32, theirs: Int32)
    do { said = try Self.socketPair() } catch {
      close(ours)
      throw error
    }
    defer { close(said.theirs) }
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var child = pid_t()
    let result = varve_spawn(&pointers, theirs, said.theirs, &child)
    guard result == 0 else {
      close(ours)
      close(said.ours)
      throw VarveError(
        .usage, "cannot run '\(arguments.first ?? "")': \(SystemError.text(-result))",
        hint: "install OpenSSH's client, or name another command with --option sftp.command=…")
    }
    (identifier, channel, errors) = (child, ours, said.ours)
  }

  deinit {
    close(channel)
    close(errors)
  }

  private static func socketPair() throws -> (ours: Int32, theirs: Int32) {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
      throw VarveError(system: errno, "cannot make a socket")
    }
    return (ends[0], ends[1])
  }

  /// Ends the conversation from this side; whoever waits for the channel wakes up.
  func hangUp() { shutdown(channel, Int32(SHUT_RDWR)) }

  /// Sends all bytes of both, one behind the other.
  ///
  /// - Parameter progress: called whenever some were taken.
  /// - Returns: false when the channel is closed.
  func send(
    _ header: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer, progress: () -> Void
  ) -> Bool {
    var (first, second) = (header[...], payload[...])
    while !first.isEmpty || !second.isEmpty {
      var pieces = [first, second].map { piece in
        let bytes = UnsafeRawBufferPointer(rebasing: piece)
        return iovec(
          iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
      }
      let count = pieces.withUnsafeMutableBufferPointer { pieces in
        var message = msghdr()
        message.msg_iov = pieces.baseAddress
        message.msg_iovlen = pieces.count
        return sendmsg(channel, &message, Int32(MSG_NOSIGNAL))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      let ofFirst = min(count, first.count)
      first = first.dropFirst(ofFirst)
      second = second.dropFirst(count - ofFirst)
      progress()
    }
    return true
  }

  /// Waits for its end, and hastens it: asked to terminate after `patience` seconds, and killed a second later.
  ///
  /// - Returns: its exit code, or nil when a signal ended it.
  func reap(patience: Double) -> Int32? {
    let step: UInt32 = 5_000
    var waited = 0.0
    var (isAsked, isKilled) = (false, false)
    while true {
      var information = siginfo_t()
      // Leaves it a zombie, so that its number, and its group's, still mean nobody else.
      let result = waitid(P_PID, id_t(identifier), &information, WEXITED | WNOHANG | WNOWAIT)
      if result == 0 && information.si_signo != 0 { break }
      if result != 0 && errno != EINTR { return nil }
      if !isAsked && waited >= patience {
        kill(-identifier, SIGTERM)
        isAsked = true
      } else if !isKilled && waited >= patience + 1 {
        kill(-identifier, SIGKILL)
        isKilled = true
      }
      usleep(step)
      waited += Double(step) / 1e6
    }
    // A proxy command that it left behind.
    kill(-identifier, SIGTERM)
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
    return status & 0x7f == 0 ? status >> 8 & 0xff : nil
  }
}
