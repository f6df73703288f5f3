// Where a drill restores to: BASE/varve-drill-XXXXXX, mode 0700, so that nobody else reaches what is restored, whatever its
// own modes and owners are.
//
//     files/    what was restored; commands and services run here, and VARVE_DRILL_DIRECTORY names it
//     services  what was started (LeftServices)
//     lock      locked (flock) for as long as the drill runs; removed when the directory is to be kept
//
// What a killed drill has left, a lock that nobody holds, is removed by the next one of the same user, its services ended.

import Glibc
import Varve
import VarveFormat

/// A private directory that goes with its drill.
package final class DrillDirectory {
  private static let prefix = "varve-drill-"

  package let path: String
  /// The target of the restore.
  package var files: String { path + "/files" }
  /// What runs on it, and must not go on without it.
  package var services: LeftServices { Self.services(path) }
  private let lock: Int32

  /// - Parameter base: an existing directory.
  /// - Throws: `.io`.
  package init(in base: String) throws {
    Self.removeLeftovers(in: base)
    var template = Array((base + "/" + Self.prefix + "XXXXXX").utf8CString)
    guard let made = mkdtemp(&template) else {
      throw VarveError(
        .io, "no directory can be made in \(base): \(String(cString: strerror(errno)))",
        hint: "set TMPDIR to a directory with room for what is restored")
    }
    path = String(cString: made)
    lock = open(path + "/lock", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0, mkdir(path + "/files", 0o700) == 0 else {
      let reason = String(cString: strerror(errno))
      try? TreeRemoval.remove(path)
      throw VarveError(.io, "\(path) cannot be used: \(reason)")
    }
  }

  deinit { if lock >= 0 { close(lock) } }

  /// Where drills restore to when nothing else is said: `TMPDIR`, else /var/tmp, which is no memory.
  package static func standardBase(_ environment: [String: String]) -> String {
    if let directory = environment["TMPDIR"], directory.hasPrefix("/") { return directory }
    return "/var/tmp"
  }

  /// The place of a path of a source below the directory, links followed as if the directory were the root: the live
  /// system's files would pass for what was restored. Nil for a path that is none.
  package func place(of path: String) -> String? {
    let parts = path.split(separator: "/")
    guard !parts.isEmpty, !path.utf8.contains(0),
      parts.allSatisfy({ $0 != ".." && $0 != "." })
    else { return nil }
    var pending = Array(parts.reversed())
    var place: [Substring] = []
    var links = 0
    while let part = pending.popLast() {
      if part == "." { continue }
      if part == ".." {
        _ = place.popLast()
        continue
      }
      place.append(part)
      guard let target = Self.linkTarget(text(place)) else { continue }
      links += 1
      guard links <= 40 else { return nil }
      place.removeLast()
      if target.hasPrefix("/") { place = [] }
      pending += target.split(separator: "/").reversed()
    }
    return text(place)
  }

  private func text(_ parts: [Substring]) -> String {
    parts.isEmpty ? files : files + "/" + parts.joined(separator: "/")
  }

  private static func linkTarget(_ path: String) -> String? {
    var target = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &target, target.count)
    guard count >= 0 else { return nil }
    return String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Removes it with all that is in it.
  ///
  /// - Throws: `.io`, naming what stays.
  package func remove() throws { try TreeRemoval.remove(path) }

  /// Leaves it to the user.
  package func keep() {
    unlink(path + "/services")
    unlink(path + "/lock")
  }

  private static func services(_ path: String) -> LeftServices {
    LeftServices(path: path + "/services")
  }

  private static func removeLeftovers(in base: String) {
    guard let stream = opendir(base) else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name.hasPrefix(prefix) else { continue }
      let path = base + "/" + name
      var status = stat()
      guard lstat(path, &status) == 0, status.st_uid == geteuid(),
        status.st_mode & S_IFMT == S_IFDIR
      else { continue }
      let lock = open(path + "/lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
      guard lock >= 0 else { continue }
      if flock(lock, LOCK_EX | LOCK_NB) == 0 {
        services(path).end()
        try? TreeRemoval.remove(path)
      }
      close(lock)
    }
  }
}
