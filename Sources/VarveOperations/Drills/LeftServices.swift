// Programs of a drill that a kill of the drill leaves running. Each is noted in a file of the drill's directory when it is
// started, and whoever finds the directory without its drill ends them:
//
//     line := boot's id ' ' process id ' ' start time '\n'
//
// The start time is field 22 of /proc/<pid>/stat, in ticks since the boot: another process that has the number by then has
// another one. What leads no process any more is left alone.

package import Glibc
import VarveFormat
import VarveRepository

/// The services that a drill's directory knows of.
package struct LeftServices {
  private static let grace: UInt64 = 10_000_000_000

  private let path: String

  /// - Parameter path: of the file.
  package init(path: String) { self.path = path }

  /// Notes a process that leads a group.
  ///
  /// - Throws: `.io` when it cannot be noted; one that has ended already needs none.
  package func add(_ process: pid_t) throws {
    guard let mark = Self.mark(of: process) else { return }
    let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else {
      throw VarveError(.io, "cannot write \(path): \(String(cString: strerror(errno)))")
    }
    defer { close(file) }
    let line = Array((mark + "\n").utf8)
    guard write(file, line, line.count) == line.count else {
      throw VarveError(.io, "cannot write \(path)")
    }
  }

  /// Ends those that still run, with their process groups, and waits for that.
  package func end() {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard file >= 0 else { return }
    defer { close(file) }
    guard let bytes = try? SmallFile.bytes(of: file, path, limit: 1 << 20) else { return }
    let running = String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap {
      Self.process(of: String($0))
    }
    for process in running { kill(-process, SIGTERM) }
    let deadline = MonotonicClock.nanoseconds &+ Self.grace
    for process in running {
      while kill(-process, 0) == 0 {
        guard MonotonicClock.nanoseconds < deadline else {
          kill(-process, SIGKILL)
          break
        }
        usleep(20_000)
      }
    }
  }

  /// The process that a line is of, while it runs.
  private static func process(of line: String) -> pid_t? {
    let fields = line.split(separator: " ")
    guard fields.count == 3, let process = pid_t(fields[1]), process > 1,
      mark(of: process) == line, getpgid(process) == process
    else { return nil }
    return process
  }

  private static func mark(of process: pid_t) -> String? {
    guard let boot = text("/proc/sys/kernel/random/boot_id"),
      let status = text("/proc/\(process)/stat"), let name = status.lastIndex(of: ")")
    else { return nil }
    // Behind the name, which may have anything in it, come fields from the third on.
    let fields = status[status.index(after: name)...].split(separator: " ")
    guard fields.count > 19 else { return nil }
    return "\(boot.prefix { $0 != "\n" }) \(process) \(fields[19])"
  }

  private static func text(_ path: String) -> String? {
    (try? SmallFile.bytes(at: path)).map { String(decoding: $0, as: UTF8.self) }
  }
}
