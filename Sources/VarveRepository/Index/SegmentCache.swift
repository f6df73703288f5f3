import Glibc
package import VarveFormat
package import VarveStorage

/// Decrypted index segments under the user's cache directory, mode 0600: `<cache>/<RID>/index/<digest>`.
///
/// A cache and nothing more: a file appears whole (written aside, then renamed), any file may be deleted at
/// any time, and one that is no valid segment is fetched again. Its rows only say where to look; what is
/// found there is verified against the chunk's address.
package struct SegmentCache: Sendable {
  private let cipher: SegmentCipher
  private let storage: any StorageBackend
  /// Nil keeps segments in memory only.
  private let directory: String?

  /// - Parameter directory: this repository's cache directory, or nil for none.
  package init(cipher: SegmentCipher, storage: any StorageBackend, directory: String?) {
    self.cipher = cipher
    self.storage = storage
    self.directory = directory.map { $0 + "/index" }
    if let path = self.directory { Self.makeDirectories(path) }
  }

  /// The segment, from the cache or else from storage.
  ///
  /// - Throws: `.missing` or `.damaged` naming the object.
  package func segment(_ name: Digest, size: UInt64) throws -> MappedSegment {
    guard let directory else { return try load(name, size: size) }
    let path = "\(directory)/\(name.hex)"
    if let cached = try? MappedSegment.map(path: path) { return cached }
    guard let file = TemporaryFile(directory: directory) else { return try load(name, size: size) }
    var complete = true
    try cipher.open(name, size: size, from: storage) { _, bytes in
      if complete { complete = file.write(bytes) }
    }
    // Another process may prune the cache meanwhile.
    if complete, file.rename(to: path), let cached = try? MappedSegment.map(path: path) {
      return cached
    }
    return try load(name, size: size)
  }

  /// Keeps the plaintext of a segment that was just made.
  package func keep(_ name: Digest, _ plain: UnsafeRawBufferPointer) throws -> MappedSegment {
    if let directory, let file = TemporaryFile(directory: directory), file.write(plain) {
      let path = "\(directory)/\(name.hex)"
      if file.rename(to: path), let kept = try? MappedSegment.map(path: path) { return kept }
    }
    return try MappedSegment.copying(plain)
  }

  /// Deletes a cached segment, which is then fetched again.
  package func remove(_ name: Digest) {
    if let directory { unlink("\(directory)/\(name.hex)") }
  }

  /// Deletes cached segments that are not in `live`.
  package func prune(keeping live: Set<Digest>) {
    guard let directory, let stream = opendir(directory) else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let digest = Digest(hex: name), !live.contains(digest) { unlink("\(directory)/\(name)") }
    }
  }

  private func load(_ name: Digest, size: UInt64) throws -> MappedSegment {
    let memory = MappedSegment.UnfinishedSegment()
    try cipher.open(name, size: size, from: storage) { try memory.append(total: $0, $1) }
    return try memory.finish()
  }

  private static func makeDirectories(_ path: String) {
    var end = path.startIndex
    while end < path.endIndex {
      end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
      mkdir(String(path[..<end]), 0o700)
    }
  }
}

/// A file of mode 0600 that vanishes unless it is renamed.
private final class TemporaryFile {
  private var descriptor: Int32
  private var path: String

  init?(directory: String) {
    var template = Array("\(directory)/.new-XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if descriptor < 0 { return nil }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  deinit {
    if descriptor >= 0 {
      close(descriptor)
      unlink(path)
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if written < 0 && errno == EINTR { continue }
      if written <= 0 { return false }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
    return true
  }

  func rename(to target: String) -> Bool {
    guard Glibc.rename(path, target) == 0 else { return false }
    close(descriptor)
    descriptor = -1
    return true
  }
}
