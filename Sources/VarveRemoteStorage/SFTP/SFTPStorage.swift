// Objects as files on an SSH server, laid out as LocalStorage lays them out: a directory may be used through both at once.
//
// Writing:   tmp/<random> is opened with CREAT and EXCL, written and synced; then
//            put                 posix-rename@openssh.com to the object's name. Without the extension: as below, and when
//                                the name is taken by other bytes, those are moved to tmp/, the new ones to the name, and
//                                the old ones removed. Readers may then find nothing for a moment.
//            createExclusively   hardlink@openssh.com to the object's name, which fails when the name is there (link(2)).
//                                Without the extension: RENAME, which must fail then by the draft. OpenSSH's server does it
//                                with link(2) as well. EXCL on the name itself would show readers a part of the object.
//            Then the directory that got the name is synced.
// Syncing:   fsync@openssh.com, where offered; of directories too, where the server opens them.
// Exists:    version 3 has no such status. Where FAILURE may mean it, STAT tells.
// Crashes:   leave at most a file in tmp/. Those older than a day, by the server's clock, are removed when a process
//            writes for the first time.

import Synchronization
public import VarveFormat
public import VarveStorage

/// A store in a directory of an SSH server, over the system's ssh.
public final class SFTPStorage: StorageBackend {
  public struct Options: Sendable {
    /// Runs in the place of ssh, and speaks SFTP on its standard input and output: the whole command, as restic's
    /// `sftp.command`. See `SSHCommandLine.words`.
    public var command: [String]?
    /// Further arguments for ssh, such as `-i` with a key, or `-o` with an option.
    public var arguments: [String] = []
    /// At one time, each with an ssh of its own; started when they are needed.
    public var connections = 5
    /// Longest time in which something is waited for and nothing comes or goes.
    public var idleSeconds = 120.0
    /// For a connection to come about.
    public var connectSeconds = 60.0
    public var upload: TransferLimit?
    public var download: TransferLimit?
    /// Objects and directories that one listing may have.
    package var mostEntries = 50_000_000

    public init() {}
  }

  /// Memory that is taken before the server has shown that it has the bytes.
  private static let largestStep: UInt64 = 256 << 20

  public let location: String
  let root: String
  let directories: SFTPDirectories
  let hasSwept = Atomic<Bool>(false)
  private let options: Options
  private let pool: SFTPConnectionPool

  /// Connects to nothing yet.
  public init(_ location: SFTPLocation, options: Options = Options()) {
    let text = location.text
    let command = options.command ?? []
    let arguments =
      command.isEmpty ? SSHCommandLine.arguments(location, options.arguments) : command
    let patience = SFTPConnection.Patience(
      connect: options.connectSeconds, idle: options.idleSeconds)
    self.location = text
    self.options = options
    root = location.path
    // In a store, what has directories in it has few files beside them.
    directories = SFTPDirectories(root: root, mostEntries: min(options.mostEntries, 1_000_000))
    pool = SFTPConnectionPool(limit: options.connections) { isKnown in
      try SFTPConnection(arguments, location: text, isKnown: isKnown, patience: patience)
    }
  }

  public var transfersAtOnce: Int { max(1, options.connections) }

  func withSession<Result>(_ body: (SFTPSession) throws -> Result) throws -> Result {
    try pool.withConnection { connection in
      try body(
        SFTPSession(
          connection: connection, location: location, upload: options.upload,
          download: options.download))
    }
  }

  func path(_ name: String) -> String {
    name.isEmpty ? root : root == "/" ? "/\(name)" : "\(root)/\(name)"
  }

  // MARK: Reading

  public func read(_ name: String) throws -> [UInt8] {
    try withOpenFile(name) { session, handle in
      // The first piece is asked for before the size is known: small objects take one round trip less.
      var head = [UInt8](
        repeating: 0, count: min(64 << 10, session.connection.greeting.largestRead))
      let (attributes, count) = try head.withUnsafeMutableBytes { head in
        try beginning(of: name, session, handle, into: head)
      }
      guard let size = attributes.size else { throw notAFile(name) }
      guard size <= ObjectName.byteLimit(of: name) else { throw tooLong(name) }
      var bytes: [UInt8] = []
      while UInt64(bytes.count) < size || bytes.isEmpty {
        let known = bytes.isEmpty ? min(count, Int(size)) : 0
        let step = Int(min(Self.largestStep, size - UInt64(bytes.count)))
        let start = UInt64(bytes.count + known)
        let part = try [UInt8](unsafeUninitializedCapacity: step) { buffer, filled in
          let buffer = UnsafeMutableRawBufferPointer(
            rebasing: UnsafeMutableRawBufferPointer(buffer)[..<step])
          head.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<known]))
          }
          let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[known...])
          guard try session.read(handle, offset: start, into: rest, name) else {
            throw tooShort(name)
          }
          filled = step
        }
        if size == 0 { return [] }
        bytes = bytes.isEmpty ? part : bytes + part
      }
      return bytes
    }
  }

  private func beginning(
    of name: String, _ session: SFTPSession, _ handle: [UInt8],
    into head: UnsafeMutableRawBufferPointer
  ) throws -> (SFTPAttributes, Int) {
    let queue = SFTPAnswerQueue()
    defer { queue.abandon() }
    session.connection.send(.fileStatus(handle: handle), to: queue, tag: 0)
    session.connection.send(
      .read(handle: handle, offset: 0, count: head.count), destination: head, to: queue, tag: 1)
    var attributes: SFTPAttributes?
    var (count, arrived) = (0, 0)
    while arrived < 2 {
      for (tag, answer) in try queue.take() {
        arrived += 1
        switch (tag, answer) {
        case (0, .attributes(let found)): attributes = found
        case (0, .status(let status)):
          throw session.failure(status, "read \(name)", isReading: true)
        case (1, .data(let received)):
          count = received
          // How much there is, nobody knew before.
          session.pace(options.download, received)
        // Directories cannot be read; what else goes wrong is told by the next attempt to.
        case (1, .status): break
        default: throw session.unexpected()
        }
      }
    }
    return (try checked(attributes, name), count)
  }

  public func read(
    _ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    try withOpenFile(name) { session, handle in
      let (end, overflow) = offset.addingReportingOverflow(UInt64(buffer.count))
      guard !overflow else { throw tooShort(name) }
      let queue = SFTPAnswerQueue()
      session.connection.send(.fileStatus(handle: handle), to: queue)
      guard try session.read(handle, offset: offset, into: buffer, name) else {
        throw tooShort(name)
      }
      switch try queue.take().first?.answer {
      case .attributes(let attributes)?:
        guard let size = try checked(attributes, name).size, end <= size else {
          throw tooShort(name)
        }
      case .status(let status)?: throw session.failure(status, "read \(name)", isReading: true)
      default: throw session.unexpected()
      }
    }
  }

  public func size(_ name: String) throws -> UInt64? {
    try StorageName.validate(name)
    return try withSession { try $0.status(path(name)) }.map { attributes in
      guard let size = try checked(attributes, name).size else { throw notAFile(name) }
      return size
    }
  }

  public func modificationTime(_ name: String) throws -> Timestamp? {
    try StorageName.validate(name)
    return try withSession { try $0.status(path(name)) }?.modified.map {
      Timestamp(seconds: Int64($0))
    }
  }

  private func withOpenFile<Result>(
    _ name: String, _ body: (SFTPSession, _ handle: [UInt8]) throws -> Result
  ) throws -> Result {
    try StorageName.validate(name)
    return try withSession { session in
      guard let handle = try session.openForReading(path(name)) else {
        throw VarveError(.missing, "\(name) is not in \(location)")
      }
      defer { session.attempt(.close(handle: handle)) }
      return try body(session, handle)
    }
  }

  public func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    let directory = try StorageName.directory(prefix)
    try withSession { session in
      let listing = SFTPListing(session: session, root: root, mostEntries: options.mostEntries)
      try listing.objects(below: directory, body)
    }
  }

  // MARK: Failures

  private func checked(_ attributes: SFTPAttributes?, _ name: String) throws -> SFTPAttributes {
    guard let attributes, attributes.isRegularFile || attributes.mode == nil else {
      throw notAFile(name)
    }
    return attributes
  }

  private func notAFile(_ name: String) -> VarveError {
    VarveError(.damaged, "\(name) in \(location) is not a regular file")
  }

  private func tooShort(_ name: String) -> VarveError {
    VarveError(.damaged, "\(name) in \(location) is shorter than it should be")
  }
}
