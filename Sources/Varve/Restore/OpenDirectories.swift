import CVarveLinux
import Glibc
import Synchronization
import VarveFormat
import VarveStorage

/// The open descriptors of restored directories: a bounded number, however many directories there
/// are and however deep they lie.
///
/// Everything in the target is reached through these descriptors by single names that are never
/// followed as links. A directory whose descriptor was closed is opened again from its nearest open
/// ancestor, name by name, and must be the same inode: somebody who puts a link or another directory
/// into the path is noticed, and nothing is written there.
final class OpenDirectories: Sendable {
  private struct State {
    var open: [RestoreDirectory] = []
    var hand = 0
  }

  private let limit: Int
  private let state = Mutex(State())

  /// - Parameter limit: descriptors to keep; 2 at least.
  init(limit: Int) { self.limit = max(2, limit) }

  /// Calls `body` with the directory's descriptor, which stays open meanwhile.
  ///
  /// - Throws: `.io` when it cannot be reached any more, and what `body` throws.
  func with<Result>(
    _ directory: RestoreDirectory, _ body: (Int32) throws -> Result
  ) throws -> Result {
    let descriptor = try pin(directory)
    defer { unpin(directory) }
    return try body(descriptor)
  }

  /// Opens the directory and keeps it open until `unpin`, or until it is finished.
  func pin(_ directory: RestoreDirectory) throws -> Int32 {
    try state.withLock { state in
      if directory.descriptor < 0 { try reopen(directory, &state) }
      directory.pins += 1
      directory.wasUsed = true
      return directory.descriptor
    }
  }

  func unpin(_ directory: RestoreDirectory) { state.withLock { _ in directory.pins -= 1 } }

  /// Takes over the descriptor of a directory that was just made or found.
  func add(_ directory: RestoreDirectory, _ descriptor: Int32) {
    state.withLock { install(directory, descriptor, &$0) }
  }

  /// Closes the descriptor of a directory that nobody needs any more.
  func close(_ directory: RestoreDirectory) {
    state.withLock { state in
      if directory.descriptor >= 0 { evict(directory, &state) }
    }
  }

  private func reopen(_ directory: RestoreDirectory, _ state: inout State) throws {
    var closed: [RestoreDirectory] = []
    var next: RestoreDirectory? = directory
    while let ancestor = next, ancestor.descriptor < 0 {
      closed.append(ancestor)
      next = ancestor.parent
    }
    guard var above = next else {
      throw VarveError(.io, "the target directory is no longer open")
    }
    for child in closed.reversed() {
      let descriptor = child.name.withName { OpenAt.directory(above.descriptor, $0) }
      guard descriptor >= 0 else {
        throw VarveError(
          system: -descriptor, "cannot open the directory \(EscapedBytes.text(child.path())) again")
      }
      var status = FileStatus()
      guard FileStatus.read(descriptor, into: &status) == 0,
        RestoreDirectory.Identity(status) == child.identity
      else {
        Glibc.close(descriptor)
        throw VarveError(
          .io, "somebody replaced the directory \(EscapedBytes.text(child.path())) meanwhile",
          hint: "restore again, into a directory where nobody else makes changes")
      }
      install(child, descriptor, &state)
      above = child
    }
  }

  private func install(_ directory: RestoreDirectory, _ descriptor: Int32, _ state: inout State) {
    directory.descriptor = descriptor
    directory.place = state.open.count
    directory.wasUsed = true
    state.open.append(directory)
    // Clock: passes over what is in use or was used since the hand last came by. The target stays.
    var steps = 2 * state.open.count
    while state.open.count > limit, steps > 0 {
      steps -= 1
      state.hand = (state.hand + 1) % state.open.count
      let candidate = state.open[state.hand]
      if candidate.pins > 0 || candidate === directory || candidate.parent == nil { continue }
      if candidate.wasUsed {
        candidate.wasUsed = false
      } else {
        evict(candidate, &state)
      }
    }
  }

  private func evict(_ directory: RestoreDirectory, _ state: inout State) {
    Glibc.close(directory.descriptor)
    directory.descriptor = -1
    let last = state.open.removeLast()
    if last !== directory {
      last.place = directory.place
      state.open[last.place] = last
    }
  }
}
