import Glibc
import VarveFormat

/// A file whose presence in a directory excludes what lies there, the file itself excepted
/// (`--exclude-if-present`, `--exclude-caches`).
///
/// Source for caches: Cache Directory Tagging Specification (bford.info/cachedir), which wants a
/// regular file `CACHEDIR.TAG`, no symbolic link, that begins with a fixed signature.
public struct ExclusionTag: Sendable, Equatable {
  /// What a directory has under the tag's name.
  public enum Presence: Sendable, Equatable {
    case absent
    case present
    /// There is such a file, but it does not count; says why, for a warning.
    case invalid(String)
  }

  /// The name of the tag file.
  public let name: [UInt8]
  /// The bytes with which it must begin; empty when its presence is enough.
  public let header: [UInt8]
  private let followsLinks: Bool

  public init(name: [UInt8], header: [UInt8] = []) {
    self.name = name
    self.header = header
    followsLinks = true
  }

  private init(cacheSignature: String) {
    name = Array("CACHEDIR.TAG".utf8)
    header = Array(cacheSignature.utf8)
    followsLinks = false
  }

  /// The tag of cache directories.
  public static let cacheDirectory = ExclusionTag(
    cacheSignature: "Signature: 8a477f597d28d172789f06886806bc55")

  /// Reads `name[:header]`.
  ///
  /// - Throws: `VarveError` with code `usage` when the name is empty or has a slash.
  public init(parsing text: [UInt8]) throws {
    let colon = text.firstIndex(of: UInt8(ascii: ":"))
    let name = Array(text[..<(colon ?? text.endIndex)])
    guard !name.isEmpty, !name.contains(UInt8(ascii: "/")) else {
      throw VarveError(
        .usage, "\"\(EscapedBytes.text(text))\" names no file that excludes its directory",
        hint: "give a file name, or a name and the text it begins with: NAME:HEADER")
    }
    self.init(name: name, header: colon.map { Array(text[($0 + 1)...]) } ?? [])
  }

  /// Looks for the tag in the directory open as `directory`. Never blocks on a FIFO or a device.
  public func presence(in directory: Int32) -> Presence {
    let path = name.map { CChar(bitPattern: $0) } + [0]
    var status = stat()
    guard fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      let code = errno
      return code == ENOENT || code == ENOTDIR ? .absent : .invalid(reason(code))
    }
    guard !header.isEmpty else { return .present }
    let links = followsLinks ? 0 : O_NOFOLLOW
    let file = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | links)
    guard file >= 0 else {
      let code = errno
      return .invalid(code == ELOOP ? "it is a symbolic link" : reason(code))
    }
    defer { close(file) }
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return .invalid("it is no regular file")
    }
    return begins(file)
  }

  private func begins(_ file: Int32) -> Presence {
    var found = [UInt8](repeating: 0, count: header.count)
    var filled = 0
    while filled < found.count {
      let count = found.withUnsafeMutableBytes { bytes in
        pread(file, bytes.baseAddress! + filled, bytes.count - filled, off_t(filled))
      }
      if count < 0 && errno == EINTR { continue }
      if count < 0 { return .invalid(reason(errno)) }
      if count == 0 { return .invalid("it is too short for the signature") }
      filled += count
    }
    return found == header ? .present : .invalid("its signature is another one")
  }

  private func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
