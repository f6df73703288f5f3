import CVarveLinux
import Glibc
import Synchronization

/// An object of a LocalStorage that comes piece by piece: nobody sees anything of it until it is finished. Let go of
/// before that, it leaves nothing.
package final class LocalUpload: Sendable {
  private struct State {
    /// -1 once it is closed.
    var descriptor: Int32
    var count: Int64 = 0
    var isGone = false
  }

  private let name: String
  private let storage: LocalStorage
  private let temporary: String
  private let state: Mutex<State>

  /// - Throws: `VarveError.Code.usage` for what is no name, `noRepository`, `io`.
  package init(of name: String, to storage: LocalStorage) throws {
    let file = try storage.openTemporary(for: name)
    self.name = name
    self.storage = storage
    temporary = file.path
    state = Mutex(State(descriptor: file.descriptor))
  }

  deinit { state.withLock { discard(&$0) } }

  /// Writes the next bytes.
  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    try state.withLock { state in
      var done = 0
      while done < bytes.count {
        let count = varve_pwrite(
          state.descriptor, bytes.baseAddress! + done, bytes.count - done, state.count)
        guard count > 0 else {
          throw storage.failure(count == 0 ? EIO : Int32(-count), "write", name)
        }
        done += count
        state.count += Int64(count)
      }
    }
  }

  /// Makes the bytes durable: what takes long of `finish`, and may come before it.
  package func sync() throws { try state.withLock { try sync(&$0) } }

  private func sync(_ state: inout State) throws {
    guard state.descriptor >= 0 else { return }
    storage.observe(.wroteTemporary)
    let result = varve_fsync(state.descriptor)
    guard result == 0 else { throw storage.failure(-result, "write", name) }
    storage.observe(.syncedTemporary)
    close(state.descriptor)
    state.descriptor = -1
  }

  /// Makes it durable and gives it its name; afterwards the upload is over, whatever came of it.
  ///
  /// - Parameter exclusively: only when there is no object of that name.
  /// - Returns: false when it was to be exclusive and the name exists.
  package func finish(exclusively: Bool) throws -> Bool {
    try state.withLock { state in
      defer { discard(&state) }
      try sync(&state)
      return try storage.publish(temporary, as: name, exclusively: exclusively)
    }
  }

  private func discard(_ state: inout State) {
    if state.descriptor >= 0 { close(state.descriptor) }
    state.descriptor = -1
    if !state.isGone { _ = varve_unlink(AT_FDCWD, temporary, 0) }
    state.isGone = true
  }
}
