import CVarveLinux
import Glibc
package import VarveFormat

/// Error numbers of the operating system, as the functions of CVarveLinux return them.
package enum SystemError {
  /// What `code` means, such as “No such file or directory”.
  package static func text(_ code: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      varve_error_text(code, buffer.baseAddress!, buffer.count)
      return String(cString: buffer.baseAddress!)
    }
  }

  /// The codes of a disk that is full, or of a quota that is.
  fileprivate static let ofSpace = [ENOSPC, EDQUOT]

  static func hint(_ code: Int32) -> String? {
    switch code {
    case ENOSPC, EDQUOT: "free some space there and run the command again; nothing needs repair"
    case EACCES, EPERM: "check who owns it and its permissions, and whether you are that user"
    case EROFS: "the file system is mounted read-only"
    case EIO: "the disk or its driver reports a fault; look at the kernel's log"
    case EMFILE, ENFILE: "raise the limit of open files (ulimit -n)"
    default: nil
    }
  }
}

extension VarveError {
  /// The operating system refused: `VarveError.Code.io` with the system's own words and a remedy.
  ///
  /// - Parameters:
  ///   - code: an error number, positive.
  ///   - message: what could not be done, naming the file.
  package init(system code: Int32, _ message: String) {
    self.init(
      .io, "\(message): \(SystemError.text(code))", hint: SystemError.hint(code))
  }

  /// Whether there was no room: the code does not tell a full disk from a broken one; the system's words do.
  package var isOfSpace: Bool {
    code == .io && SystemError.ofSpace.contains { message.hasSuffix(SystemError.text($0)) }
  }
}
