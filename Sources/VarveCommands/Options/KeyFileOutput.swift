import Glibc
import VarveCrypto
import VarveFormat
import VarveOperations

/// A new file for a key, mode 0600. It is made before the key is, and written before anything depends on the key, so that
/// no credential is added whose key cannot be kept; an existing file is never overwritten.
final class KeyFileOutput {
  let path: String
  private let descriptor: Int32
  private var isWritten = false

  /// - Throws: `io` when the file exists or cannot be made.
  init(creating path: String) throws {
    self.path = path
    descriptor = open(RawArgument.cString(path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      let code = errno
      throw VarveError(
        .io, "cannot make \(name): \(String(cString: strerror(code)))",
        hint: code == EEXIST ? "an existing file is not overwritten; choose another name" : nil)
    }
  }

  var name: String { ByteText.printable(RawArgument.bytes(path)) }

  /// Once this has returned, the file and its name survive a power loss.
  func write(_ text: borrowing SecretBytes) throws {
    try text.withUnsafeBytes { bytes in
      var rest = bytes
      while let start = rest.baseAddress, !rest.isEmpty {
        let count = Glibc.write(descriptor, start, rest.count)
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { throw failure() }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure() }
    try syncDirectory()
    isWritten = true
  }

  /// One that may be written and not read is left to the system.
  private func syncDirectory() throws {
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let directory = open(
      RawArgument.cString(slash.map { String(path[...$0]) } ?? "."),
      O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return }
    defer { close(directory) }
    guard fsync(directory) == 0 || errno == EINVAL else { throw failure() }
  }

  private func failure() -> VarveError {
    VarveError(
      .io, "cannot write \(name): \(String(cString: strerror(errno)))",
      hint: "nothing depends on it; make room there, or choose another place")
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    if !isWritten { unlink(RawArgument.cString(path)) }
  }
}
