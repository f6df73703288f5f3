internal import CVarveLinux
import Glibc
internal import VarveCrypto
internal import VarveFormat

/// The change cache as the last backup left it (format: ChangeCacheFormat.swift).
///
/// A record is read when the walk comes to its directory and is dropped with the directory's job, so
/// memory is that of the directories between the root and where the threads are, however long the cache is.
final class ChangeCache: @unchecked Sendable {
  let head: ChangeCacheHead
  /// Whether what is carried over in it counts.
  let hasLiveBases: Bool
  private let descriptor: Int32

  /// - Parameter isLive: whether a snapshot, or another one with its tree, is.
  /// - Returns: nil when there is no usable cache.
  init?(files: ChangeCacheFiles, isLive: (Digest) -> Bool) {
    // A run that was killed after its log entry has left the newer head beside the older one.
    let heads = [files.next, files.head].lazy.compactMap { ChangeCacheHead.read($0) }
    guard let head = heads.first(where: { isLive($0.snapshot) }) else { return nil }
    hasLiveBases = head.bases.allSatisfy(isLive)
    let descriptor = open(files.records(head.generation), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    self.head = head
    self.descriptor = descriptor
    var status = stat()
    guard fstat(descriptor, &status) == 0, head.length <= UInt64(Int64.max),
      UInt64(max(0, status.st_size)) >= head.length
    else { return nil }
  }

  deinit { close(descriptor) }

  /// The record at `offset`, or nil when there is none that is intact. O(its length).
  func record(at offset: UInt64) -> CachedDirectory? {
    guard offset <= head.length else { return nil }
    return CachedDirectory(descriptor, offset: offset, limit: head.length - offset)
  }
}

/// The checksum of records and heads.
enum ChangeCacheCheck {
  /// Of a record, whose field at bytes 88 to 96 is left out.
  static func of(_ record: UnsafeRawBufferPointer) -> UInt64 {
    SHA256.digest(
      UnsafeRawBufferPointer(rebasing: record[..<ChangeCacheFormat.checkOffset]),
      UnsafeRawBufferPointer(rebasing: record[ChangeCacheFormat.recordHeaderLength...])
    ).prefix64
  }
}
