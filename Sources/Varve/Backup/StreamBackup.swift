internal import CVarveLinux
import Glibc
import Synchronization
internal import VarveFormat
internal import VarveProof
internal import VarveRepository
internal import VarveStorage

/// What a backup reads from beginning to end, such as the output of a command. Used by one thread at a time.
public protocol BackupStream: AnyObject {
  /// Where it is read.
  var descriptor: Int32 { get }
  /// Called after the end was read.
  ///
  /// - Throws: when what was read is not worth a snapshot.
  func finish() throws
  /// Called in the place of `finish` when nobody wants to know more.
  func stop()
}

/// A stream that becomes one file of a snapshot.
struct StreamBackup: Sendable {
  /// The file's path in the snapshot.
  let name: [UInt8]
  /// Nil for standard input.
  let open: (@Sendable () throws -> any BackupStream)?
}

extension BackupWorker {
  /// Reads the stream to its end and makes the snapshot's root of it.
  ///
  /// - Throws: `.io` when the stream cannot be read, or the command fails: then there must be no snapshot.
  func archive(_ stream: StreamBackup) throws {
    let child = try stream.open?()
    let content = try readStream(child?.descriptor ?? STDIN_FILENO)
    // A stream that was given up looks like one that has ended.
    if session.cancellation.isCancelled { child?.stop() }
    try session.cancellation.check()
    if let error = content.error {
      child?.stop()
      throw VarveError(.io, "the stream cannot be read: \(SystemError.text(error))")
    }
    try child?.finish()
    tally.filesNew += 1
    tally.filesProcessed += 1
    tally.bytesProcessed += content.size
    session.progress.filesDone.add(1, ordering: .relaxed)

    var names = stream.name.split(separator: UInt8(ascii: "/")).map(Array.init)
      .filter { $0 != [0x2e] && $0 != [0x2e, 0x2e] }
    guard let fileName = names.popLast() else {
      throw VarveError(.usage, "the stream's file name is empty")
    }
    let usesLists = try chunkList.finish(store: store(node:))
    let now = FileTime(WallClock.now())
    var node = try chunkList.chunks.withUnsafeBufferPointer { chunks in
      try chunkList.lists.withUnsafeBufferPointer { lists in
        try single(
          fileName, type: .file, mode: 0o644, now,
          .file(
            size: content.size, form: usesLists ? .lists(lists) : .chunks(chunks),
            holes: UnsafeBufferPointer(start: nil, count: 0), digest: content.digest))
      }
    }
    while let name = names.popLast() {
      node = try single(
        name, type: .directory, mode: 0o755, now,
        .directory(DirectoryContent(id: node.id, proofRoot: node.root, entryCount: node.count)))
    }
    let root = node
    session.root.withLock { $0 = (root, ChangeCacheFormat.noRecord) }
  }

  /// Stores a directory without entries.
  func emptyDirectory() throws -> NodeReference {
    nodes.reset()
    let (id, count) = try nodes.finish(store: store(node:))
    return NodeReference(id: id, root: MerkleFrontier().root, count: count)
  }

  /// Stores a directory that has one entry.
  private func single(
    _ name: [UInt8], type: EntryType, mode: UInt16, _ time: FileTime,
    _ content: TreeEntryEncoder.Content
  ) throws -> NodeReference {
    var body = ByteWriter()
    let fields = try name.withUnsafeBytes {
      try TreeEntryEncoder.append(
        name: $0,
        EntryAttributes(
          type: type, mode: mode, uid: getuid(), gid: getgid(), modified: time),
        user: session.accounts.user(getuid()), group: session.accounts.group(getgid()), content,
        to: &body)
    }
    nodes.reset()
    frontier.removeAll()
    try body.bytes.withUnsafeBytes {
      try nodes.append($0, store: store(node:))
      frontier.append(leafHash: leaf(of: $0, fields))
    }
    let (id, count) = try nodes.finish(store: store(node:))
    return NodeReference(id: id, root: frontier.root, count: count)
  }
}

extension FileTime {
  init(_ time: Timestamp) { self.init(seconds: time.seconds, nanoseconds: time.nanoseconds) }
}

/// A command whose standard output is backed up.
final class SourceCommand: BackupStream {
  let descriptor: Int32
  private let name: String
  private var process: pid_t = -1

  /// Starts `arguments[0]`, found through PATH.
  ///
  /// - Throws: `.io` when it cannot be started.
  init(_ arguments: [[UInt8]]) throws {
    guard let program = arguments.first else { throw VarveError(.usage, "the command is empty") }
    name = EscapedBytes.text(program)
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw VarveError(.io, "cannot make a pipe: \(SystemError.text(errno))")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    descriptor = ends[0]
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { word in
      (word + [0]).withUnsafeBytes { strdup($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
    }
    words.append(nil)
    defer { for word in words { free(word) } }
    let error = posix_spawnp(&process, words[0]!, &actions, nil, words, environ)
    close(ends[1])
    guard error == 0 else {
      throw VarveError(.io, "cannot start '\(name)': \(SystemError.text(error))")
    }
  }

  deinit { close(descriptor) }

  func stop() { kill(process, SIGTERM) }

  /// Waits for the command.
  ///
  /// - Throws: `.io` unless it ended with status 0.
  func finish() throws {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 {
      guard errno == EINTR else {
        throw VarveError(.io, "cannot wait for '\(name)': \(SystemError.text(errno))")
      }
    }
    let signal = status & 0x7f
    guard signal == 0 else {
      throw VarveError(.io, "'\(name)' was ended by signal \(signal); no snapshot was saved")
    }
    let code = (status >> 8) & 0xff
    guard code == 0 else {
      throw VarveError(
        .io, "'\(name)' failed with status \(code); no snapshot was saved",
        hint: "its own messages, on standard error, say why")
    }
  }
}
