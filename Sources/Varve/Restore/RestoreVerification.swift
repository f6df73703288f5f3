import CVarveLinux
import Glibc
import Synchronization
import VarveFormat
import VarveRepository
import VarveStorage

/// Reads back from the target what was restored, and compares sizes and every chunk's address.
///
/// The file system is synced first and each file's pages are dropped before it is read, so that what is
/// compared comes from the disk where the system allows that.
final class RestoreVerification: RestoreWalkVisitor {
  private struct Item: Sendable {
    let directory: RestoreDirectory
    let entry: TreeEntry
  }

  private static let waitingLimit = 4_096

  private struct State {
    var waiting: [Item] = []
    var isClosed = false
    var isStopped = false
  }

  private final class Shared: @unchecked Sendable {
    let condition = Condition()
    var state = State()
    let files = Atomic<UInt64>(0)
  }

  private let session: RestoreSession
  private let shared = Shared()

  private init(_ session: RestoreSession) { self.session = session }

  /// Verifies what lies below `target`.
  ///
  /// - Returns: how many files were compared.
  static func run(
    _ session: RestoreSession, _ target: RestoreDirectory, workers: Int
  ) throws -> UInt64 {
    _ = try session.directories.with(target) { varve_syncfs($0) }
    let verification = RestoreVerification(session)
    let shared = verification.shared
    let walker = Handover(verification)
    try WorkerThreads.run(count: workers + 1) { number in
      do {
        if number == 0 {
          var walk = RestoreWalk(session)
          try walk.run(target, walker.value)
          close(shared)
        } else {
          try work(session, shared)
        }
      } catch {
        stop(shared)
        throw error
      }
    }
    return shared.files.load(ordering: .relaxed)
  }

  // MARK: The walk

  func enter(_ directory: RestoreDirectory, isSelected: Bool) throws -> Bool {
    guard let parent = directory.parent else { return true }
    return try session.directories.with(parent) { above in
      let descriptor = directory.name.withName { OpenAt.directory(above, $0) }
      if descriptor == -ENOENT, !isSelected { return false }
      guard descriptor >= 0 else {
        failed(directory.path(), VarveError(system: -descriptor, "cannot open the directory"))
        return false
      }
      var status = FileStatus()
      guard FileStatus.read(descriptor, into: &status) == 0 else {
        Glibc.close(descriptor)
        return false
      }
      directory.identity = RestoreDirectory.Identity(status)
      directory.origin = .found(status)
      session.directories.add(directory, descriptor)
      return true
    }
  }

  func meet(_ name: UnsafeRawBufferPointer) {}

  func visit(_ entry: TreeEntry, number: Int, in directory: RestoreDirectory) throws {
    guard entry.type == .file, session.isVerifiable(number) else { return }
    directory.hold()
    let isStopped = shared.condition.locked {
      while shared.state.waiting.count >= Self.waitingLimit, !shared.state.isStopped {
        shared.condition.wait()
      }
      shared.state.waiting.append(Item(directory: directory, entry: entry))
      shared.condition.signal()
      return shared.state.isStopped
    }
    if isStopped { throw VarveError(.interrupted, "the verification was stopped") }
  }

  func leave(_ directory: RestoreDirectory, isComplete: Bool) throws {}

  func release(_ directory: RestoreDirectory) { Self.release(directory, session) }

  func failed(_ path: [UInt8], _ error: any Error) {
    session.report(path, error, verifying: true)
  }

  private static func release(_ directory: RestoreDirectory, _ session: RestoreSession) {
    var next: RestoreDirectory? = directory
    while let current = next, current.drop() {
      session.directories.close(current)
      next = current.parent
    }
  }

  private static func close(_ shared: Shared) {
    shared.condition.locked {
      shared.state.isClosed = true
      shared.condition.broadcast()
    }
  }

  private static func stop(_ shared: Shared) {
    shared.condition.locked {
      shared.state.isStopped = true
      shared.condition.broadcast()
    }
  }

  // MARK: Comparing

  private static func work(_ session: RestoreSession, _ shared: Shared) throws {
    let content = try ExistingContent()
    let reader = session.source.makeReader()
    while let item = next(shared) {
      try session.cancellation.check()
      do {
        try compare(item, content, reader, session)
        shared.files.add(1, ordering: .relaxed)
      } catch {
        session.report(
          item.directory.path(of: item.entry.name), error, verifying: true)
      }
      release(item.directory, session)
    }
  }

  private static func next(_ shared: Shared) -> Item? {
    shared.condition.locked {
      while true {
        if shared.state.isStopped { return nil }
        if let item = shared.state.waiting.popLast() {
          shared.condition.broadcast()
          return item
        }
        if shared.state.isClosed { return nil }
        shared.condition.wait()
      }
    }
  }

  private static func compare(
    _ item: Item, _ content: ExistingContent, _ reader: ChunkReader, _ session: RestoreSession
  ) throws {
    guard case .file(let expected) = item.entry.content else { return }
    let number = try session.directories.with(item.directory) { parent in
      (item.entry.name + [0]).withName { OpenAt.file(parent, $0) }
    }
    guard number >= 0 else { throw VarveError(system: -number, "cannot read it back") }
    let file = Descriptor(owning: number)
    posix_fadvise(file.number, 0, 0, POSIX_FADV_DONTNEED)
    var status = FileStatus()
    let code = FileStatus.read(file.number, into: &status)
    guard code == 0 else { throw VarveError(system: code, "cannot read it back") }
    guard status.isFile, status.size == expected.size else {
      throw VarveError(.io, "it has \(status.size) bytes and should have \(expected.size)")
    }
    let layout = expected.holes.isEmpty ? nil : DataLayout(expected)
    var offset: UInt64 = 0
    try expected.forEachChunk(from: reader) { chunk in
      try session.cancellation.check()
      let bytes = try content.chunk(
        chunk.address, length: Int(chunk.length), at: offset, layout: layout, in: file.number)
      guard bytes != nil else {
        throw VarveError(.io, "its content differs from the snapshot's from byte \(offset) on")
      }
      offset += UInt64(chunk.length)
      session.progress.bytesVerified.add(UInt64(chunk.length), ordering: .relaxed)
    }
    guard content.isZero(expected.holes, in: file.number) else {
      throw VarveError(.io, "it has data where the snapshot has a hole")
    }
    session.progress.bytesVerified.add(expected.size - offset, ordering: .relaxed)
  }
}
