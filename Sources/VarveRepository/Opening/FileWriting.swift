import CVarveLinux
import Glibc
import VarveFormat
import VarveStorage

/// Files outside a store: the client's state and published logs.
package enum FileWriting {
  /// All bytes of the file from `start` on, or nil when there is none.
  package static func read(_ path: String, from start: UInt64 = 0) throws -> [UInt8]? {
    let file = varve_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0)
    if file == -ENOENT || file == -ENOTDIR { return nil }
    guard file >= 0 else { throw VarveError(system: -file, "cannot read \(path)") }
    defer { close(file) }
    var status = varve_status()
    let result = varve_statx(file, "", varve_at_empty_path, &status)
    guard result == 0 else { throw VarveError(system: -result, "cannot read \(path)") }
    guard status.size > start, status.size <= UInt64(Int64.max) else { return [] }
    return try [UInt8](unsafeUninitializedCapacity: Int(status.size - start)) { buffer, count in
      while count < buffer.count {
        let got = varve_pread(
          file, buffer.baseAddress! + count, buffer.count - count, Int64(start) + Int64(count))
        guard got >= 0 else { throw VarveError(system: Int32(-got), "cannot read \(path)") }
        // It became shorter meanwhile.
        if got == 0 { break }
        count += got
      }
    }
  }

  /// `mkdir -p`.
  package static func makeDirectory(_ path: String, mode: UInt32) throws {
    let result = varve_mkdir(AT_FDCWD, path, mode)
    if result == 0 || result == -EEXIST { return }
    guard result == -ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
      throw VarveError(system: -result, "cannot make the directory \(path)")
    }
    try makeDirectory(String(path[..<slash]), mode: mode)
    let again = varve_mkdir(AT_FDCWD, path, mode)
    guard again == 0 || again == -EEXIST else {
      throw VarveError(system: -again, "cannot make the directory \(path)")
    }
  }

  /// Puts `bytes` in the place of the file: written beside it, synced, renamed, directory synced. A
  /// crash leaves the old file or the new one; unless `isDurable`, it may leave a damaged one.
  ///
  /// - Parameter mode: what it has afterwards, whatever the umask is.
  package static func replace(
    _ path: String, with bytes: [UInt8], mode: UInt32, isDurable: Bool = true
  ) throws {
    try replace(path, with: bytes, mode: mode, isDurable: isDurable, goesByUmask: false)
  }

  private static func replace(
    _ path: String, with bytes: [UInt8], mode: UInt32, isDurable: Bool, goesByUmask: Bool
  ) throws {
    let temporary = "\(path).\(getpid())-\(String(UInt64.random(in: 0...UInt64.max), radix: 16))"
    let file = varve_open(AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_EXCL, mode)
    guard file >= 0 else { throw VarveError(system: -file, "cannot write \(path)") }
    do {
      defer { close(file) }
      // A file system without modes refuses, and has nothing to give back.
      if !goesByUmask, mode & 0o077 != 0 { _ = varve_fchmod(file, mode_t(mode)) }
      try write(bytes, at: 0, to: file, path)
      if isDurable { try sync(file, path) }
      let result = varve_rename(AT_FDCWD, temporary, AT_FDCWD, path, 0)
      guard result == 0 else { throw VarveError(system: -result, "cannot write \(path)") }
    } catch {
      _ = varve_unlink(AT_FDCWD, temporary, 0)
      throw error
    }
    guard isDurable, let slash = path.lastIndex(of: "/") else { return }
    let directory = varve_open(AT_FDCWD, String(path[...slash]), O_RDONLY | O_DIRECTORY, 0)
    guard directory >= 0 else { throw VarveError(system: -directory, "cannot sync \(path)") }
    defer { close(directory) }
    try sync(directory, path)
  }

  /// Puts a report in the place of the file, which a crash may leave damaged; who may read it is for the umask to say.
  package static func replace(_ path: String, with bytes: [UInt8]) throws {
    try replace(path, with: bytes, mode: 0o644, isDurable: false, goesByUmask: true)
  }

  /// Writes `bytes` into the file, which is made when it is not there, from `offset` on.
  static func write(_ path: String, at offset: UInt64, _ bytes: [UInt8], mode: UInt32) throws {
    let file = varve_open(AT_FDCWD, path, O_WRONLY | O_CREAT, mode)
    guard file >= 0 else { throw VarveError(system: -file, "cannot write \(path)") }
    defer { close(file) }
    try write(bytes, at: offset, to: file, path)
  }

  /// Runs `body` while this process holds the lock file `path`.
  package static func locked<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    let file = varve_open(AT_FDCWD, path, O_RDWR | O_CREAT, 0o600)
    guard file >= 0 else { throw VarveError(system: -file, "cannot lock \(path)") }
    defer { close(file) }
    while flock(file, LOCK_EX) != 0 {
      guard errno == EINTR else { throw VarveError(system: errno, "cannot lock \(path)") }
    }
    return try body()
  }

  private static func write(
    _ bytes: [UInt8], at offset: UInt64, to file: Int32, _ path: String
  ) throws {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        varve_pwrite(file, $0.baseAddress! + done, $0.count - done, Int64(offset) + Int64(done))
      }
      guard count > 0 else {
        throw VarveError(system: count == 0 ? EIO : Int32(-count), "cannot write \(path)")
      }
      done += count
    }
  }

  private static func sync(_ file: Int32, _ path: String) throws {
    let result = varve_fsync(file)
    guard result == 0 || result == -EINVAL || result == -EOPNOTSUPP else {
      throw VarveError(system: -result, "cannot sync \(path)")
    }
  }
}
