// Objects that are read often and are small beside the data, kept in `<cache>/<RID>/objects/<digest>`, mode 0600, for stores that
// are far away: inventories, snapshot records and tree packs, as they are stored, so still sealed.
//
// A file counts when its bytes have the digest that is its name; that is looked at once a process, before the first use.
// Files are removed, least recently used first, when together they are larger than the limit. A cache that cannot be
// written or read is none: everything then comes from the store.

import Glibc
import Synchronization
import VarveCrypto
package import VarveFormat
package import VarveStorage

/// A store whose named objects are fetched whole and kept.
package final class MetadataCache: StorageBackend {
  /// Bytes; tree packs are about a hundredth of the data.
  private static let limit: UInt64 = 2 << 30

  private enum Presence {
    case loading
    case loaded
    /// It cannot be kept, or is not what its name says.
    case passed
  }

  private struct State {
    var objects: [Digest: Presence] = [:]
    /// Of all files; nil until they have been counted.
    var total: UInt64?
  }

  private let base: any StorageBackend
  private let directory: String
  private let condition = Condition()
  private let state = Mutex(State())

  /// - Parameter directory: the repository's cache directory.
  package init(_ base: any StorageBackend, directory: String) {
    self.base = base
    self.directory = directory + "/objects"
  }

  package var location: String { base.location }
  package var transfersAtOnce: Int { base.transfersAtOnce }

  package func read(_ name: String) throws -> [UInt8] {
    guard let digest = ObjectName.digest(of: name), try load(name, digest),
      let bytes = try? FileWriting.read(path(digest))
    else { return try base.read(name) }
    return bytes
  }

  package func read(
    _ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    guard let digest = ObjectName.digest(of: name), try load(name, digest),
      readFile(path(digest), offset: offset, into: buffer)
    else { return try base.read(name, offset: offset, into: buffer) }
  }

  /// Fetches those of `names` that are not at hand, several at a time. What cannot be fetched is left to who reads it.
  package func prefetch(_ names: [String]) throws {
    let wanted = names.filter { name in
      ObjectName.digest(of: name).map { digest in
        state.withLock { $0.objects[digest] == nil }
      } ?? false
    }
    guard !wanted.isEmpty else { return }
    _ = try ParallelWork.map(wanted, threads: base.transfersAtOnce) { [self] name in
      if let digest = ObjectName.digest(of: name) { _ = try? load(name, digest) }
    }
  }

  private func path(_ digest: Digest) -> String { "\(directory)/\(digest.hex)" }

  /// Whether the object lies in the cache and is right, after fetching it if need be.
  private func load(_ name: String, _ digest: Digest) throws -> Bool {
    if let isLoaded = waitOrBegin(digest) { return isLoaded }
    // What failed at the store is asked for again by whoever asks again.
    var presence: Presence?
    defer {
      condition.locked {
        state.withLock { $0.objects[digest] = presence }
        condition.broadcast()
      }
    }
    let path = path(digest)
    if let bytes = try? FileWriting.read(path) {
      if SHA256.digest(bytes) == digest {
        // The time of last use decides what is removed first.
        utimensat(AT_FDCWD, path, nil, 0)
        presence = .loaded
        return true
      }
      unlink(path)
    }
    let bytes = try base.read(name)
    presence = .passed
    guard SHA256.digest(bytes) == digest, UInt64(bytes.count) <= Self.limit / 4 else {
      return false
    }
    do {
      try FileWriting.makeDirectory(directory, mode: 0o700)
      makeRoom(UInt64(bytes.count))
      try FileWriting.replace(path, with: bytes, mode: 0o600, isDurable: false)
      presence = .loaded
    } catch {
      return false
    }
    return true
  }

  /// Nil when the caller is to load the object; others wait for it.
  private func waitOrBegin(_ digest: Digest) -> Bool? {
    condition.locked {
      while true {
        let presence = state.withLock { state -> Presence? in
          defer { if state.objects[digest] == nil { state.objects[digest] = .loading } }
          return state.objects[digest]
        }
        switch presence {
        case nil: return nil
        case .loaded: return true
        case .passed: return false
        case .loading: condition.wait()
        }
      }
    }
  }

  private func readFile(
    _ path: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) -> Bool {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    var filled = 0
    while filled < buffer.count {
      guard let start = Int(exactly: offset + UInt64(filled)), let base = buffer.baseAddress
      else { return false }
      let count = pread(file, base + filled, buffer.count - filled, start)
      if count < 0 && errno == EINTR { continue }
      // What is too short here is asked of the store, which says so.
      guard count > 0 else { return false }
      filled += count
    }
    return true
  }

  /// Removes the files that were used least recently until another one fits.
  private func makeRoom(_ byteCount: UInt64) {
    state.withLock { state in
      let total = (state.total ?? files().reduce(0) { $0 + $1.size }) + byteCount
      state.total = total
      guard total > Self.limit else { return }
      var left = total
      for file in files().sorted(by: { $0.used < $1.used }) {
        guard left > Self.limit / 4 * 3 else { break }
        guard unlink("\(directory)/\(file.name)") == 0 else { continue }
        if let digest = Digest(hex: file.name) { state.objects[digest] = nil }
        left -= min(left, file.size)
      }
      state.total = left
    }
  }

  private func files() -> [(name: String, size: UInt64, used: Int)] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var files: [(name: String, size: UInt64, used: Int)] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      var status = stat()
      guard stat("\(directory)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG
      else { continue }
      files.append((name, UInt64(max(0, status.st_size)), status.st_mtim.tv_sec))
    }
    return files
  }

  // What changes the store, or has to do with it as it is now.

  package func create() throws { try base.create() }
  package func size(_ name: String) throws -> UInt64? { try base.size(name) }
  package func modificationTime(_ name: String) throws -> Timestamp? {
    try base.modificationTime(name)
  }
  package func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    try base.put(name, bytes)
  }
  package func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try base.createExclusively(name, bytes)
  }
  package func settle(_ name: String) throws { try base.settle(name) }
  package func remove(_ name: String) throws { try base.remove(name) }
  package func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    try base.list(prefix, body)
  }
}
