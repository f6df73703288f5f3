import Glibc
import VarveFormat

/// The file of tokens, changed as a whole: whoever reads it sees it as it was before a change or after it.
public struct TokenFile: Sendable {
  private static let byteLimit = 16 << 20

  public let path: String

  public init(path: String) { self.path = path }

  /// What it was when it was looked at, so that a change is noticed.
  struct Version: Equatable {
    let inode: UInt64
    let size: Int64
    let seconds: Int
    let nanoseconds: Int
  }

  /// nil when there is no file.
  func version() -> Version? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Version(
      inode: UInt64(status.st_ino), size: Int64(status.st_size), seconds: status.st_mtim.tv_sec,
      nanoseconds: status.st_mtim.tv_nsec)
  }

  /// All tokens; none when there is no file.
  ///
  /// - Throws: `VarveError.Code.damaged` for a file that is none of tokens, `io`.
  public func tokens() throws -> [AccessToken] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      if errno == ENOENT { return [] }
      throw failure("open")
    }
    defer { close(file) }
    return try tokens(of: file)
  }

  private func tokens(of file: Int32) throws -> [AccessToken] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = read(file, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw failure("read") }
      guard count > 0 else { break }
      bytes += buffer[..<count]
      guard bytes.count <= Self.byteLimit else {
        throw VarveError(.damaged, "\(path) is longer than a list of tokens can be")
      }
    }
    return try bytes.split(separator: UInt8(ascii: "\n")).map { try AccessToken(line: $0, path) }
  }

  /// Adds a token.
  ///
  /// - Throws: `VarveError.Code.refused` when the repository has one of that label.
  public func add(_ token: AccessToken) throws {
    try change { tokens in
      guard
        !tokens.contains(where: { $0.label == token.label && $0.repository == token.repository })
      else {
        throw VarveError(
          .refused, "\(token.repository) has a token with the label '\(token.label)' already",
          hint: "choose another label, or remove that one first")
      }
      tokens.append(token)
    }
  }

  /// Removes the token with that id.
  ///
  /// - Returns: what it was.
  /// - Throws: `VarveError.Code.notFound`.
  public func remove(id: String) throws -> AccessToken {
    var removed: AccessToken?
    try change { tokens in
      guard let index = tokens.firstIndex(where: { $0.id == id }) else {
        throw VarveError(
          .notFound, "there is no token '\(id)' in \(path)",
          hint: "see 'varve server-token list'")
      }
      removed = tokens.remove(at: index)
    }
    guard let removed else { throw VarveError(.notFound, "there is no token '\(id)'") }
    return removed
  }

  /// One change after the other, over a file beside it that is locked meanwhile.
  private func change(_ body: (inout [AccessToken]) throws -> Void) throws {
    let lock = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else { throw failure("lock") }
    defer { close(lock) }
    try? giveToOwner(lock)
    while flock(lock, LOCK_EX) != 0 {
      guard errno == EINTR else { throw failure("lock") }
    }
    var tokens = try tokens()
    try body(&tokens)
    try replace(tokens.flatMap(\.line))
  }

  private func replace(_ bytes: [UInt8]) throws {
    let temporary = path + ".new"
    let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure("write") }
    defer { close(file) }
    try giveToOwner(file)
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        write(file, $0.baseAddress! + done, bytes.count - done)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure("write") }
      done += count
    }
    guard fsync(file) == 0, rename(temporary, path) == 0 else { throw failure("write") }
    let directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw failure("sync the directory of") }
    defer { close(directory) }
    guard fsync(directory) == 0 else { throw failure("sync the directory of") }
  }

  /// Whoever changes the file, the server goes on reading it: it belongs to whom it belonged, and a new one to whom its directory
  /// does.
  private func giveToOwner(_ file: Int32) throws {
    var (wanted, own) = (stat(), stat())
    guard stat(path, &wanted) == 0 || stat(parent, &wanted) == 0, fstat(file, &own) == 0,
      own.st_uid != wanted.st_uid
    else { return }
    guard fchown(file, wanted.st_uid, wanted.st_gid) == 0 else {
      throw failure("keep the owner of")
    }
  }

  private var parent: String {
    let slash = path.lastIndex(of: "/")
    return slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
  }

  private func failure(_ verb: String) -> VarveError {
    VarveError(
      .io, "cannot \(verb) \(path): \(String(cString: strerror(errno)))",
      hint: "see that the directory exists and who may write there")
  }
}
