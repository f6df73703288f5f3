import CVarveLinux
import Glibc
import VarveFormat

/// A file of mode 0600 that vanishes unless it is given a name.
final class CacheFile {
  let descriptor: Int32
  private let path: String?
  private var isKept = false

  /// Names of unfinished files begin so.
  static let prefix = ".new-"

  init?(directory: String) {
    var template = Array("\(directory)/\(Self.prefix)XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    if descriptor < 0 { return nil }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  /// A file that is in memory only.
  init?(inMemory name: String) {
    descriptor = varve_memory_file(name)
    if descriptor < 0 { return nil }
    path = nil
  }

  deinit {
    close(descriptor)
    if let path, !isKept { unlink(path) }
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

  /// - Throws: `.io` when the device is full or fails.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < bytes.count {
      let count = varve_pwrite(
        descriptor, bytes.baseAddress! + done, bytes.count - done, Int64(offset + done))
      guard count > 0 else {
        throw VarveError(.io, "cannot write the index cache: error \(-count)")
      }
      done += count
    }
  }

  /// Makes the bytes durable, so that a crash leaves no name of a file with holes.
  func sync() -> Bool {
    let result = varve_fsync(descriptor)
    return result == 0 || result == -EINVAL
  }

  func rename(to target: String) -> Bool {
    guard let path, Glibc.rename(path, target) == 0 else { return false }
    isKept = true
    return true
  }
}
