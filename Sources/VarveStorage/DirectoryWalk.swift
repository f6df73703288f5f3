import CVarveLinux
import Glibc
import VarveFormat

/// Enumerates the regular files below a directory.
enum DirectoryWalk {
  /// Calls `body` with each file's path relative to `root`, in no order. Directories deeper than
  /// object names can be are passed over, so links that lead round in a circle come to an end.
  static func files(below root: String, _ body: (String, varve_status) throws -> Void) throws {
    var pending = [""]
    while let directory = pending.popLast() {
      try entries(of: directory.isEmpty ? root : "\(root)/\(directory)") { name, _ in
        let path = directory.isEmpty ? name : "\(directory)/\(name)"
        var status = varve_status()
        let result = varve_statx(AT_FDCWD, "\(root)/\(path)", 0, &status)
        guard result == 0 else { return }
        if status.isDirectory, path.utf8.count < 255 {
          pending.append(path)
        } else if status.isRegularFile {
          try body(path, status)
        }
      }
    }
  }

  /// Calls `body` with each name that does not start with a dot, and its type as getdents says it; a directory that
  /// is not there has none.
  static func entries(of path: String, _ body: (String, UInt8) throws -> Void) throws {
    let directory = varve_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0)
    if directory == -ENOENT || directory == -ENOTDIR { return }
    guard directory >= 0 else { throw VarveError(system: -directory, "cannot list \(path)") }
    defer { close(directory) }
    try withUnsafeTemporaryAllocation(byteCount: 32 << 10, alignment: 8) { buffer in
      while true {
        let count = varve_getdents(directory, buffer.baseAddress!, buffer.count)
        if count == 0 { return }
        guard count > 0 else { throw VarveError(system: Int32(-count), "cannot list \(path)") }
        var record = buffer.baseAddress!
        let end = record + count
        while record < end {
          let entry = record.assumingMemoryBound(to: varve_directory_entry.self)
          let name = String(cString: (record + 19).assumingMemoryBound(to: CChar.self))
          if !name.hasPrefix(".") { try body(name, entry.pointee.type) }
          record += Int(entry.pointee.record_length)
        }
      }
    }
  }
}

extension varve_status {
  var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
  var isRegularFile: Bool { mode & S_IFMT == S_IFREG }
}
