import Glibc
package import VarveFormat
package import VarveStorage

/// Decrypted index segments under the user's cache directory, mode 0600: `<cache>/<RID>/index/<digest>`.
///
/// Segments stay until they are merged into a run (`RunDirectory`), which then stands for them.
///
/// A cache and nothing more: a file appears whole (written aside, synced, then renamed), any file may be deleted
/// at any time, and one that is no valid segment is fetched again. Its rows only say where to look; what is
/// found there is verified against the chunk's address. No digest of them is looked at when they are mapped, so a
/// file that a power loss left with holes would hide chunks: hence the sync.
package struct SegmentCache: Sendable {
  private let cipher: SegmentCipher
  private let storage: any StorageBackend
  /// Nil keeps segments in memory only.
  package let directory: String?

  /// - Parameter directory: this repository's cache directory, or nil for none.
  package init(cipher: SegmentCipher, storage: any StorageBackend, directory: String?) {
    self.cipher = cipher
    self.storage = storage
    self.directory = directory.map { $0 + "/index" }
    if let path = self.directory { Self.makeDirectories(path) }
  }

  var transfersAtOnce: Int { storage.transfersAtOnce }

  /// The segment as the cache has it, or nil.
  package func cached(_ name: Digest) -> MappedSegment? {
    guard let directory else { return nil }
    return try? MappedSegment.map(path: "\(directory)/\(name.hex)", name: name)
  }

  /// The segment, from the cache or else from storage.
  ///
  /// - Parameter keeps: whether a fetched segment stays in the cache.
  /// - Throws: `.missing` or `.damaged` naming the object.
  package func segment(_ name: Digest, size: UInt64, keeps: Bool = true) throws -> MappedSegment {
    do {
      return try fetched(name, size: size, keeps: keeps)
    } catch let error as VarveError where error.code == .unsupportedFormat {
      throw VarveError.unknownFormat(of: ObjectName.index(name), error)
    }
  }

  private func fetched(_ name: Digest, size: UInt64, keeps: Bool) throws -> MappedSegment {
    if let cached = cached(name) { return cached }
    guard let directory, let file = CacheFile(directory: directory) else {
      return try load(name, size: size)
    }
    var complete = true
    try cipher.open(name, size: size, from: storage) { _, bytes in
      if complete { complete = file.write(bytes) }
    }
    let path = "\(directory)/\(name.hex)"
    if complete, !keeps || (file.sync() && file.rename(to: path)) {
      return try MappedSegment.map(file.descriptor, name: name, path: keeps ? path : nil)
    }
    return try load(name, size: size)
  }

  /// Keeps the plaintext of a segment that was just made.
  package func keep(_ name: Digest, _ plain: UnsafeRawBufferPointer) throws -> MappedSegment {
    if let directory, let file = CacheFile(directory: directory), file.write(plain), file.sync() {
      let path = "\(directory)/\(name.hex)"
      if file.rename(to: path) {
        return try MappedSegment.map(file.descriptor, name: name, path: path)
      }
    }
    return try MappedSegment.copying(plain, name: name)
  }

  /// Deletes a cached segment, which is then fetched again.
  package func remove(_ name: Digest) {
    if let directory { unlink("\(directory)/\(name.hex)") }
  }

  private func load(_ name: Digest, size: UInt64) throws -> MappedSegment {
    let memory = MappedSegment.UnfinishedSegment()
    try cipher.open(name, size: size, from: storage) { try memory.append(total: $0, $1) }
    return try memory.finish(name: name)
  }

  private static func makeDirectories(_ path: String) {
    var end = path.startIndex
    while end < path.endIndex {
      end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
      mkdir(String(path[..<end]), 0o700)
    }
  }
}
