import Glibc
internal import VarveCrypto
internal import VarveFormat

/// Where the change cache of one set of sources lies.
struct ChangeCacheFiles: Sendable {
  let directory: String
  let key: String

  /// - Parameters:
  ///   - repositoryCache: this repository's directory under the user's cache directory.
  ///   - identity: what makes the set: host, paths as named, and the options that shape entries.
  init(repositoryCache: String, identity: [[UInt8]]) {
    directory = repositoryCache + "/changes"
    var writer = ByteWriter()
    for part in identity { writer.lengthPrefixed(part) }
    key = String(SHA256.digest(writer.bytes).hex.prefix(32))
  }

  var head: String { "\(directory)/\(key).head" }
  /// The head of a snapshot that is being committed.
  var next: String { "\(directory)/\(key).next" }
  var lock: String { "\(directory)/\(key).lock" }
  func records(_ generation: UInt64) -> String { "\(directory)/\(key).\(generation)" }
}

/// The head of a change cache (format: ChangeCacheFormat.swift).
package struct ChangeCacheHead: Sendable, Equatable {
  /// The snapshot whose tree the records describe.
  var snapshot: Digest
  /// Where the root directory's record is.
  var root: UInt64
  /// Bytes of the records file that count.
  var length: UInt64
  var generation: UInt64
  var isPartial = false
  /// Whether its snapshot, or a base, has chunks of files that were being read.
  var hasUnfinished = false
  /// The newest complete snapshot that a partial one follows, and its tree.
  var complete: CompleteSnapshot?
  /// The snapshots that have what is carried over.
  var bases: [Digest] = []

  struct CompleteSnapshot: Sendable, Equatable {
    var id: Digest
    var tree: Digest
  }

  private func encoded() -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: ChangeCacheFormat.headLength)
    writer.raw(ChangeCacheFormat.magic)
    writer.u32(ChangeCacheFormat.version)
    writer.u32(
      (isPartial ? ChangeCacheFormat.partial : 0)
        | (hasUnfinished ? ChangeCacheFormat.unfinished : 0))
    writer.digest(snapshot)
    writer.u64(root)
    writer.u64(length)
    writer.u64(generation)
    writer.digest(complete?.id ?? .zero)
    writer.digest(complete?.tree ?? .zero)
    writer.u32(UInt32(truncatingIfNeeded: bases.count))
    for base in bases { writer.digest(base) }
    writer.u64(SHA256.digest(writer.bytes).prefix64)
    return writer.bytes
  }

  /// The head at `path`, or nil when there is none that is intact.
  package static func read(_ path: String) -> ChangeCacheHead? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let limit =
      ChangeCacheFormat.headLength + ChangeCacheFormat.baseLimit * Digest.byteCount
    var bytes = [UInt8](repeating: 0, count: limit + 1)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return bytes[..<count].withUnsafeBytes { try? decode($0) }
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer) throws -> ChangeCacheHead? {
    var reader = ByteReader(bytes, "change cache")
    guard try reader.slice(8).elementsEqual(ChangeCacheFormat.magic),
      try reader.u32() == ChangeCacheFormat.version
    else { return nil }
    let flags = try reader.u32()
    guard flags & ~(ChangeCacheFormat.partial | ChangeCacheFormat.unfinished) == 0 else {
      return nil
    }
    var head = ChangeCacheHead(
      snapshot: try reader.digest(), root: try reader.u64(), length: try reader.u64(),
      generation: try reader.u64(), isPartial: flags & ChangeCacheFormat.partial != 0,
      hasUnfinished: flags & ChangeCacheFormat.unfinished != 0)
    let complete = CompleteSnapshot(id: try reader.digest(), tree: try reader.digest())
    if complete.id != .zero { head.complete = complete }
    let count = try reader.u32()
    guard count <= ChangeCacheFormat.baseLimit else { return nil }
    for _ in 0..<count { head.bases.append(try reader.digest()) }
    let covered = UnsafeRawBufferPointer(rebasing: bytes[..<reader.offset])
    guard try reader.u64() == SHA256.digest(covered).prefix64, reader.isAtEnd else { return nil }
    return head
  }

  /// Replaces the head at `path`; says whether that worked.
  package func write(_ path: String) -> Bool {
    let new = path + ".new"
    let descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return false }
    let bytes = encoded()
    let written = Glibc.write(descriptor, bytes, bytes.count)
    close(descriptor)
    guard written == bytes.count, rename(new, path) == 0 else {
      unlink(new)
      return false
    }
    return true
  }
}
