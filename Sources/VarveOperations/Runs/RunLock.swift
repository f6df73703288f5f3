import CVarveLinux
import Glibc
import VarveFormat
import VarveRepository
import VarveStorage

/// Keeps a second process of this host from the same run, as long as this one has it. The file says who has it, and for what:
/// `<process> restore`, or the process alone of a run.
final class RunLock {
  enum Purpose: String {
    case run, restore

    var participle: String { self == .run ? "run" : "restored" }
  }

  private let file: Int32

  /// - Parameters:
  ///   - name: of the file, below the directory of the journal.
  ///   - what: what is run, for the message.
  /// - Throws: `.refused` when another process has it.
  init(
    _ client: ClientDirectories, _ name: String, _ what: String, for purpose: Purpose = .run
  ) throws {
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
        .refused, "\(what) is being \(Self.holder(file))",
        hint: (purpose == .restore ? "nothing was restored; " : "")
          + "wait until that has ended; it is this host's only lock, and ends with its process")
    }
    var text = Array("\(getpid())\(purpose == .restore ? " restore" : "")\n".utf8)
    _ = varve_truncate(file, 0)
    _ = varve_pwrite(file, &text, text.count, 0)
  }

  /// Of a profile: it is run, or its sources are restored, by one process at a time.
  ///
  /// - Throws: `.refused` when another process has it.
  convenience init(
    _ client: ClientDirectories, profile: String, for purpose: Purpose
  ) throws {
    try self.init(
      client, "run-" + RunJournal.fileName(of: profile),
      "the profile '\(ByteText.printable(profile))'", for: purpose)
  }

  deinit {
    guard file >= 0 else { return }
    // Closing is not enough: a program that another thread starts just now has the descriptor, too, until it is executed.
    flock(file, LOCK_UN)
    close(file)
  }

  /// What is done by whom: `run by another process (17)`.
  private static func holder(_ file: Int32) -> String {
    var text = [UInt8](repeating: 0, count: 24)
    let count = max(0, Int(varve_pread(file, &text, text.count, 0)))
    let words = text[..<count].split { $0 == 0x20 || $0 == 0x0a }
      .map { String(decoding: $0, as: UTF8.self) }
    let purpose = words.dropFirst().first.flatMap(Purpose.init) ?? .run
    let number = words.first.flatMap { Int32($0) }.map { " (\($0))" } ?? ""
    return "\(purpose.participle) by another process\(number)"
  }
}
