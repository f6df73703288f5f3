internal import CVarveLinux
import Glibc
import Synchronization

/// The records file of a change cache, open for appending (format: ChangeCacheFormat.swift). Shared by all threads.
///
/// A write that fails (a full disk) ends the writing, not the backup.
final class ChangeRecordFile: Sendable {
  /// Records are gathered up to this many bytes; longer ones are written piece by piece.
  static let bufferLength = 1 << 20

  private struct State {
    var buffer: [UInt8] = []
    /// Where the next record goes.
    var end: UInt64
    /// Where `buffer` goes.
    var bufferStart: UInt64 { end - UInt64(buffer.count) }
    var failed = false
  }

  private let descriptor: Int32
  private let state: Mutex<State>

  /// Opens the file, which is made when it is not there, and drops what lies behind `length`.
  init?(_ path: String, length: UInt64) {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    state = Mutex(State(end: length))
    guard descriptor >= 0, ftruncate(descriptor, off_t(length)) == 0 else { return nil }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Appends a record that is complete. O(length).
  ///
  /// - Returns: its offset.
  func append(_ record: [UInt8]) -> UInt64 {
    state.withLock { state in
      let offset = state.end
      state.buffer.append(contentsOf: record)
      state.end += UInt64(record.count)
      if state.buffer.count >= Self.bufferLength { flush(&state) }
      return offset
    }
  }

  /// Makes room for a long record, which the caller then writes.
  ///
  /// - Returns: its offset.
  func reserve(_ length: Int) -> UInt64 {
    state.withLock { state in
      flush(&state)
      let offset = state.end
      state.end += UInt64(length)
      return offset
    }
  }

  /// Writes a part of a record for which there is room.
  func write(_ bytes: [UInt8], at offset: UInt64) {
    if !put(bytes, at: offset) { state.withLock { $0.failed = true } }
  }

  /// Writes what has been gathered.
  ///
  /// - Returns: the length of the file; nil when anything could not be written.
  func flush() -> UInt64? {
    state.withLock { state in
      flush(&state)
      return state.failed ? nil : state.end
    }
  }

  /// The record at `offset` of what has been flushed.
  func record(at offset: UInt64, length: UInt64) -> CachedDirectory? {
    guard offset <= length else { return nil }
    return CachedDirectory(descriptor, offset: offset, limit: length - offset)
  }

  private func flush(_ state: inout State) {
    if !state.failed && !put(state.buffer, at: state.bufferStart) { state.failed = true }
    state.buffer.removeAll(keepingCapacity: true)
  }

  private func put(_ bytes: [UInt8], at offset: UInt64) -> Bool {
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes {
        varve_pwrite(
          descriptor, $0.baseAddress! + done, $0.count - done, Int64(offset) + Int64(done))
      }
      if written <= 0 { return false }
      done += written
    }
    return true
  }
}
