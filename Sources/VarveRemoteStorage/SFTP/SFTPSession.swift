import Glibc
import VarveFormat
import VarveStorage

/// The calls of a file system, over a connection.
struct SFTPSession {
  let connection: SFTPConnection
  /// Where the store is, for messages.
  let location: String
  let upload: TransferLimit?
  let download: TransferLimit?

  func offers(_ offered: SFTPExtension) -> Bool { connection.greeting.extensions.contains(offered) }

  /// Asks and waits.
  func ask(_ request: SFTPRequest) throws -> SFTPAnswer { try ask([request])[0] }

  /// Asks several things at once, and waits for all answers.
  func ask(_ requests: [SFTPRequest]) throws -> [SFTPAnswer] {
    let queue = SFTPAnswerQueue()
    for (tag, request) in requests.enumerated() { connection.send(request, to: queue, tag: tag) }
    var answers: [SFTPAnswer?] = requests.map { _ in nil }
    var missing = requests.count
    while missing > 0 {
      for (tag, answer) in try queue.take() {
        answers[tag] = answer
        missing -= 1
      }
    }
    return answers.compactMap { $0 }
  }

  /// Asks for something of which only the status is of interest.
  func perform(_ request: SFTPRequest) throws -> SFTPStatus {
    guard case .status(let status) = try ask(request) else { throw unexpected() }
    return status
  }

  /// Asks for something that may fail without anybody minding, and does not wait.
  func attempt(_ request: SFTPRequest) { connection.send(request, to: nil) }

  /// What is at `path`, following links; nil when there is nothing.
  func status(_ path: String) throws -> SFTPAttributes? {
    switch try ask(.status(path: path)) {
    case .attributes(let attributes): return attributes
    case .status(let status) where status.code == SFTPStatus.noSuchFile: return nil
    case .status(let status):
      // Some servers say no more than that when a file is where a directory should be.
      if status.code == SFTPStatus.failure, let slash = path.lastIndex(of: "/"),
        slash != path.startIndex
      {
        guard let parent = try self.status(String(path[..<slash])), parent.isDirectory else {
          return nil
        }
      }
      throw failure(status, "look at \(path)", isReading: true)
    default: throw unexpected()
    }
  }

  /// - Returns: nil when there is no such file.
  func openForReading(_ path: String) throws -> [UInt8]? {
    switch try ask(.open(path: path, flags: .read)) {
    case .handle(let handle): return handle
    case .status(let status):
      if status.code == SFTPStatus.noSuchFile { return nil }
      if status.code == SFTPStatus.failure, try self.status(path) == nil { return nil }
      throw failure(status, "read \(path)", isReading: true)
    default: throw unexpected()
    }
  }

  /// Makes what is in the directory durable, where the server can: OpenSSH's opens and syncs a directory like a file.
  func syncDirectory(_ path: String) throws {
    guard offers(.sync) else { return }
    guard case .handle(let handle) = try ask(.open(path: path, flags: .read)) else { return }
    try syncDirectory(path, handle)
  }

  /// As above, with a handle of it, which is closed.
  func syncDirectory(_ path: String, _ handle: [UInt8]) throws {
    let queue = SFTPAnswerQueue()
    connection.send(.sync(handle: handle), to: queue)
    attempt(.close(handle: handle))
    guard case .status(let status)? = try queue.take().first?.answer else { throw unexpected() }
    // Other answers are those of a file system that cannot sync a directory, and need not.
    if status.code == SFTPStatus.failure { throw failure(status, "sync \(path)") }
  }

  /// - Parameter isReading: one file, which is refused as a file that cannot be read for another reason is.
  func failure(_ status: SFTPStatus, _ what: String, isReading: Bool = false) -> VarveError {
    switch status.code {
    case SFTPStatus.noConnection, SFTPStatus.connectionLost:
      return VarveError(.unavailable, "cannot \(what) in \(location): \(status.text)")
    case SFTPStatus.permissionDenied:
      return VarveError(
        isReading ? .io : .forbidden, "cannot \(what) in \(location): \(status.text)",
        hint: "check who owns it there, its permissions, and what the server allows this user")
    default:
      return VarveError(
        .io, "cannot \(what) in \(location): \(status.text)",
        hint: "see the server's log: SFTP tells no more")
    }
  }

  func unexpected() -> VarveError {
    VarveError(.io, "\(location) does not speak SFTP as it should")
  }

  /// Keeps to a rate before bytes are sent or asked for.
  func pace(_ limit: TransferLimit?, _ count: Int) {
    guard let nanoseconds = limit?.reserve(count), nanoseconds > 0 else { return }
    usleep(UInt32(clamping: nanoseconds / 1000))
  }
}
