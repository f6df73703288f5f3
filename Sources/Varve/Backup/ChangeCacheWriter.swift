import Glibc
import Synchronization
internal import VarveFormat

/// Makes the change cache of the snapshots of a running backup (format: ChangeCacheFormat.swift).
///
/// Holds the cache's lock file for as long as it lives, so two backups of the same sources never append to one file;
/// the second one uses the cache without adding to it.
final class ChangeCacheWriter: Sendable {
  /// Bytes of a records file below which it is not copied, however few are in use.
  static let compactionLength: UInt64 = 1 << 20

  let records: ChangeRecordFile
  private let files: ChangeCacheFiles
  private let lock: Int32
  private let generation: UInt64
  /// Whether records of the run before can be referred to: they are in the same file.
  let sharesOldRecords: Bool
  /// Bytes of the records of complete directories that this run has appended or referred to again.
  private let live = Atomic<UInt64>(0)

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
    let next = ChangeCacheHead.read(files.next)
    if let next, next == old { rename(files.next, files.head) }
    let head = ChangeCacheHead.read(files.head)
    sharesOldRecords = old != nil && head == old
    // What a run that did not get to its log entry has left is overwritten.
    unlink(files.next)
    if let head, sharesOldRecords {
      generation = head.generation
    } else {
      generation = max(head?.generation ?? 0, next?.generation ?? 0) &+ 1
    }
    guard
      let records = ChangeRecordFile(
        files.records(generation), length: sharesOldRecords ? head?.length ?? 0 : 0)
    else {
      close(lock)
      return nil
    }
    self.records = records
  }

  deinit { close(lock) }

  /// Notes that a record of a complete directory is in use.
  func count(_ length: Int) { live.add(UInt64(length), ordering: .relaxed) }

  /// The head of a cache of the records as they are now; nil when they cannot be written. The snapshot has no name yet.
  ///
  /// - Parameter root: where the root directory's record is.
  func makeHead(root: UInt64) -> ChangeCacheHead? {
    records.flush().map {
      ChangeCacheHead(snapshot: .zero, root: root, length: $0, generation: generation)
    }
  }

  /// Notes the cache of a snapshot that is about to be committed.
  func prepare(_ head: ChangeCacheHead) { _ = head.write(files.next) }

  /// Makes the cache that was prepared the present one: its snapshot has been committed.
  func adopt(_ head: ChangeCacheHead) {
    let old = ChangeCacheHead.read(files.head)
    guard ChangeCacheHead.read(files.next) == head, rename(files.next, files.head) == 0 else {
      return
    }
    if let old, old.generation != head.generation { unlink(files.records(old.generation)) }
  }

  /// Copies the records that a complete snapshot's cache uses into a file of their own when most are not in use. The cache must
  /// have been adopted, and no thread may be appending.
  func compact(_ head: ChangeCacheHead) {
    guard head.length > Self.compactionLength,
      live.load(ordering: .relaxed) < head.length / 2
    else { return }
    let path = files.records(generation &+ 1)
    unlink(path)
    guard let copy = ChangeRecordFile(path, length: 0),
      let root = ChangeRecordCopy(from: records, length: head.length, to: copy).copy(head.root),
      let length = copy.flush()
    else {
      unlink(path)
      return
    }
    var compact = head
    compact.root = root
    compact.length = length
    compact.generation = generation &+ 1
    if compact.write(files.head) {
      unlink(files.records(generation))
    } else {
      unlink(path)
    }
  }
}
