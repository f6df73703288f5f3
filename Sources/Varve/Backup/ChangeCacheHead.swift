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
  /// About how many of them are still referred to.
  var live: UInt64
  var generation: UInt64

  private func encoded() -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: ChangeCacheFormat.headLength)
    writer.raw(ChangeCacheFormat.magic)
    writer.u32(ChangeCacheFormat.version)
    writer.u32(0)
    writer.digest(snapshot)
    writer.u64(root)
    writer.u64(length)
    writer.u64(live)
    writer.u64(generation)
    writer.u64(SHA256.digest(writer.bytes).prefix64)
    return writer.bytes
  }

  /// The head at `path`, or nil when there is none that is intact.
  package static func read(_ path: String) -> ChangeCacheHead? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: ChangeCacheFormat.headLength + 1)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    guard count == ChangeCacheFormat.headLength else { return nil }
    bytes.removeLast()
    return bytes.withUnsafeBytes { try? decode($0) }
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer) throws -> ChangeCacheHead? {
    var reader = ByteReader(bytes, "change cache")
    guard try reader.slice(8).elementsEqual(ChangeCacheFormat.magic),
      try reader.u32() == ChangeCacheFormat.version, try reader.u32() == 0
    else { return nil }
    let head = ChangeCacheHead(
      snapshot: try reader.digest(), root: try reader.u64(), length: try reader.u64(),
      live: try reader.u64(), generation: try reader.u64())
    let covered = UnsafeRawBufferPointer(rebasing: bytes[..<reader.offset])
    return try reader.u64() == SHA256.digest(covered).prefix64 ? head : nil
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
