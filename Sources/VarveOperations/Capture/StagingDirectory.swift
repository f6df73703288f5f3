import CVarveLinux
import Glibc
import VarveFormat
import VarveRepository
import VarveStorage

/// A private directory for copies that live as long as it takes to back them up.
///
/// Whoever has the lock of a run has its staging directory for itself: what a run that was killed has left there is removed
/// when the next one begins. The copies of different files lie below it under the files' own paths, so that the directories
/// on the way are like the original ones.
final class StagingDirectory {
  let path: String

  /// Makes it anew.
  ///
  /// - Parameters:
  ///   - parent: made when it is needed.
  ///   - name: of the run, as a name of a file.
  init(in parent: String, name: String) throws {
    try FileWriting.makeDirectory(parent, mode: 0o700)
    path = "\(parent)/\(name)"
    try clear()
    let result = varve_mkdir(AT_FDCWD, path, 0o700)
    guard result == 0 else { throw VarveError(system: -result, "cannot make \(path)") }
  }

  deinit { try? Self.remove(path) }

  /// Removes what is in it, and itself.
  func clear() throws { try Self.remove(path) }

  /// Makes it again after `clear`.
  func make() throws {
    let result = varve_mkdir(AT_FDCWD, path, 0o700)
    guard result == 0 || result == -EEXIST else {
      throw VarveError(system: -result, "cannot make \(path)")
    }
  }

  /// Bytes that may still be written there.
  var room: UInt64 {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return 0 }
    let (bytes, isOver) = UInt64(status.f_bavail).multipliedReportingOverflow(
      by: UInt64(status.f_frsize))
    return isOver ? .max : bytes
  }

  /// Where the copy of the file at an absolute path belongs; the directories on the way are made.
  func place(for original: String) throws -> String {
    var place = path
    for name in original.split(separator: "/").dropLast() {
      place += "/\(name)"
      let result = varve_mkdir(AT_FDCWD, place, 0o700)
      guard result == 0 || result == -EEXIST else {
        throw VarveError(system: -result, "cannot make \(place)")
      }
    }
    return "\(place)/\(original.split(separator: "/").last ?? "")"
  }

  /// Gives the copy at `place`, and the directories on the way, the mode, owner and time that the originals have.
  ///
  /// - Returns: whose owners the system does not let us give.
  func adoptMetadata(
    of original: String, at place: String, modified: (Int64, UInt32)?
  ) -> [String] {
    var problems: [String] = []
    var (from, to, isFile) = (original, place, true)
    while to.utf8.count > path.utf8.count, to.hasPrefix(path) {
      var status = varve_status()
      if varve_statx(AT_FDCWD, from, 0, &status) == 0 {
        let time = isFile ? modified : nil
        if varve_chown(AT_FDCWD, to, status.owner, status.group, 0) != 0 {
          problems.append(
            "\(ByteText.printable(from)) is of \(status.owner):\(status.group), which its copy cannot be; run this as root, with CAP_CHOWN"
          )
        }
        _ = varve_chmod(to, status.mode & 0o7777)
        _ = varve_set_times(
          AT_FDCWD, to, 0, 0, varve_utime_omit, time?.0 ?? status.modified_seconds,
          Int64(time?.1 ?? status.modified_nanoseconds))
      }
      isFile = false
      from = Self.parent(of: from)
      to = Self.parent(of: to)
    }
    return problems
  }

  private static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Removes a file or a directory with all that is in it, never going through a link.
  private static func remove(_ path: String) throws {
    let file = varve_unlink(AT_FDCWD, path, 0)
    if file == 0 || file == -ENOENT { return }
    guard file == -EISDIR || file == -EPERM else {
      throw VarveError(system: -file, "cannot remove \(path)")
    }
    // A copied mode may keep its owner out.
    _ = varve_chmod(path, 0o700)
    guard let stream = opendir(path) else {
      throw VarveError(system: errno, "cannot remove \(path)")
    }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    closedir(stream)
    for name in names { try remove("\(path)/\(name)") }
    let result = varve_unlink(AT_FDCWD, path, varve_at_removedir)
    guard result == 0 || result == -ENOENT else {
      throw VarveError(system: -result, "cannot remove \(path)")
    }
  }
}
