internal import CVarveLinux
import Glibc
import Synchronization
internal import VarveFormat

/// Appends the records of a running backup to its change cache (format: ChangeCacheFormat.swift).
///
/// Holds the cache's lock file for as long as it lives, so two backups of the same sources never append to one file;
/// the second one uses the cache without adding to it. A write that fails (a full disk) ends the
/// writing, not the backup.
final class ChangeCacheWriter: Sendable {
  /// Records are gathered up to this many bytes; longer ones are written piece by piece.
  static let bufferLength = 1 << 20

  private struct State {
    var buffer: [UInt8] = []
    /// Where the next record goes.
    var end: UInt64
    /// Where `buffer` goes.
    var bufferStart: UInt64 { end - UInt64(buffer.count) }
    var failed = false
    /// Bytes of records that this run has appended or referred to again.
    var live: UInt64 = 0
  }

  private let files: ChangeCacheFiles
  private let descriptor: Int32
  private let lock: Int32
  let generation: UInt64
  /// Whether records of the run before can be referred to: they are in the same file.
  let sharesOldRecords: Bool
  private let state: Mutex<State>

  /// - Parameter old: the cache of the run before, if it is usable.
  /// - Returns: nil when the cache cannot be written or another backup of these sources is writing it.
  init?(files: ChangeCacheFiles, old: ChangeCacheHead?) {
    self.files = files
    lock = open(files.lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard lock >= 0 else { return nil }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      close(lock)
      return nil
    }
    // What is on disk counts, not what the caller read before the lock was held.
    let current = ChangeCacheHead.read(files.head)
    let shares = old != nil && current == old && (old.map { $0.live >= $0.length / 2 } ?? false)
    sharesOldRecords = shares
    generation = shares ? (old?.generation ?? 0) : (current?.generation ?? 0) &+ 1
    let start = shares ? (old?.length ?? 0) : 0
    descriptor = open(
      files.records(generation), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    state = Mutex(State(end: start))
    guard descriptor >= 0, ftruncate(descriptor, off_t(start)) == 0 else { return nil }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    close(lock)
  }

  /// Notes that a record of the run before stays in use.
  func reuse(_ record: CachedDirectory) {
    state.withLock { $0.live += UInt64(record.length) }
  }

  /// Appends a record that is complete. O(length).
  ///
  /// - Returns: its offset.
  func append(_ record: [UInt8]) -> UInt64 {
    state.withLock { state in
      let offset = state.end
      state.buffer.append(contentsOf: record)
      state.end += UInt64(record.count)
      state.live += UInt64(record.count)
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
      state.live += UInt64(length)
      return offset
    }
  }

  /// Writes a part of a record for which there is room.
  func write(_ bytes: [UInt8], at offset: UInt64) {
    if !put(bytes, at: offset) { state.withLock { $0.failed = true } }
  }

  /// Makes the records the cache of `snapshot`, whose root directory's record is at `root`.
  func finish(snapshot: Digest, root: UInt64) {
    let head = state.withLock { state -> ChangeCacheHead? in
      flush(&state)
      return state.failed
        ? nil
        : ChangeCacheHead(
          snapshot: snapshot, root: root, length: state.end, live: state.live,
          generation: generation)
    }
    guard let head, head.write(files.head) else { return }
    if !sharesOldRecords && generation > 0 { unlink(files.records(generation &- 1)) }
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
