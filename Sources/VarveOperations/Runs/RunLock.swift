import CVarveLinux
import Glibc
import VarveFormat
import VarveRepository
import VarveStorage

/// Keeps a second process of this host from the same run, as long as this one has it.
final class RunLock {
  private let file: Int32

  /// - Parameters:
  ///   - name: of the file, below the directory of the journal.
  ///   - what: what is run, for the message.
  /// - Throws: `.refused` when another process has it.
  init(_ client: ClientDirectories, _ name: String, _ what: String) throws {
    let directory = client.state + "/runs"
    try FileWriting.makeDirectory(directory, mode: 0o700)
    let path = "\(directory)/\(name).lock"
    file = varve_open(AT_FDCWD, path, O_RDWR | O_CREAT, 0o600)
    guard file >= 0 else { throw VarveError(system: -file, "cannot lock \(path)") }
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      let code = errno
      if code == EINTR { continue }
      guard code == EWOULDBLOCK else { throw VarveError(system: code, "cannot lock \(path)") }
      throw VarveError(
        .refused, "\(what) is being run by another process\(Self.holder(file))",
        hint: "wait until that has ended; it is this host's only lock, and ends with its process")
    }
    var text = Array("\(getpid())\n".utf8)
    _ = varve_truncate(file, 0)
    _ = varve_pwrite(file, &text, text.count, 0)
  }

  deinit {
    guard file >= 0 else { return }
    // Closing is not enough: a program that another thread starts just now has the descriptor, too, until it is executed.
    flock(file, LOCK_UN)
    close(file)
  }

  private static func holder(_ file: Int32) -> String {
    var text = [UInt8](repeating: 0, count: 24)
    let count = varve_pread(file, &text, text.count, 0)
    guard count > 0 else { return "" }
    let number = String(decoding: text[..<count].prefix { (48...57).contains($0) }, as: UTF8.self)
    return number.isEmpty ? "" : " (\(number))"
  }
}
