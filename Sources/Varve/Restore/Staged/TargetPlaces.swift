import CVarveLinux
import Glibc
internal import VarveFormat
internal import VarveStorage

/// Places below a directory, reached component by component and never through a link.
final class TargetPlaces {
  let root: Descriptor
  /// The directory that was used last; the root's own when empty.
  private var openPath: [UInt8] = []
  private var open: Int32 = -1

  init(_ root: consuming Descriptor) { self.root = root }

  /// Nil when there is no such directory.
  ///
  /// - Throws: `.io` when it cannot be opened.
  convenience init?(existing path: [UInt8]) throws {
    let descriptor = (path + [0]).withName { OpenAt.userDirectory($0) }
    if descriptor == -ENOENT { return nil }
    guard descriptor >= 0 else {
      throw VarveError(system: -descriptor, "cannot open \(EscapedBytes.text(path))")
    }
    self.init(Descriptor(owning: descriptor))
  }

  deinit { if open >= 0 { close(open) } }

  /// Sets the modification time of the directory itself.
  func giveBackTime(_ time: FileTime) {
    _ = varve_set_file_times(
      root.number, 0, varve_utime_omit, time.seconds, Int64(time.nanoseconds))
  }

  /// Forgets what is open, after directories were moved.
  func forget() {
    if open >= 0 { close(open) }
    (open, openPath) = (-1, [])
  }

  /// The directory in which `path` lies, and its name there, ended by NUL.
  ///
  /// - Returns: a descriptor that stays open until the next call, or a negated error number.
  func parent(of path: [UInt8], making: Bool = false) -> (directory: Int32, name: [UInt8]) {
    let cut = path.lastIndex(of: UInt8(ascii: "/"))
    let name = Array(path[(cut.map { $0 + 1 } ?? 0)...]) + [0]
    guard let cut else { return (root.number, name) }
    return (directory(Array(path[..<cut]), making: making), name)
  }

  private func directory(_ path: [UInt8], making: Bool) -> Int32 {
    if open >= 0, openPath == path { return open }
    forget()
    var current = root.number
    for component in path.split(separator: UInt8(ascii: "/")) {
      let name = Array(component) + [0]
      var next = name.withName { OpenAt.directory(current, $0) }
      if next == -ENOENT, making {
        let made = name.withName { varve_mkdir(current, $0, 0o700) }
        next = made == 0 || made == -EEXIST ? name.withName { OpenAt.directory(current, $0) } : made
      }
      if current != root.number { close(current) }
      guard next >= 0 else { return next }
      current = next
    }
    (open, openPath) = (current, path)
    return current
  }

  /// Whether something is there.
  ///
  /// - Throws: `.io` when that cannot be told.
  func look(at path: [UInt8], _ status: inout FileStatus) throws -> Bool {
    if path.isEmpty { return FileStatus.read(root.number, into: &status) == 0 }
    let (directory, name) = parent(of: path)
    if [-ENOENT, -ENOTDIR, -ELOOP].contains(directory) { return false }
    guard directory >= 0 else {
      throw VarveError(system: -directory, "cannot look at \(EscapedBytes.text(path))")
    }
    let code = name.withName { FileStatus.read(directory, $0, into: &status) }
    if code == ENOENT { return false }
    guard code == 0 else {
      throw VarveError(system: code, "cannot look at \(EscapedBytes.text(path))")
    }
    return true
  }

  /// Calls `body` with each path below a directory.
  func forEachBelow(_ path: [UInt8], _ body: ([UInt8]) throws -> Void) throws {
    var waiting = [path]
    while let next = waiting.popLast() {
      let (parent, name) = parent(of: next)
      guard parent >= 0 else {
        throw VarveError(system: -parent, "cannot open \(EscapedBytes.text(next))")
      }
      let own = name.withName { OpenAt.directory(parent, $0) }
      guard own >= 0 else {
        throw VarveError(system: -own, "cannot open \(EscapedBytes.text(next))")
      }
      let descriptor = Descriptor(owning: own)
      var listing = DirectoryListing()
      let code = listing.load(descriptor.number)
      guard code == 0 else {
        throw VarveError(system: code, "cannot list \(EscapedBytes.text(next))")
      }
      for index in 0..<listing.count {
        let below = next + [UInt8(ascii: "/")] + Array(listing.bytes(index))
        var status = FileStatus()
        let known = (Array(listing.bytes(index)) + [0]).withName {
          FileStatus.read(descriptor.number, $0, into: &status)
        }
        guard known == 0 else { continue }
        try body(below)
        if status.isDirectory { waiting.append(below) }
      }
    }
  }

  /// Removes a file, link or directory with all that is in it; what cannot be removed stays.
  func remove(_ path: [UInt8]) {
    var status = FileStatus()
    guard (try? look(at: path, &status)) == true else { return }
    if status.isDirectory {
      var below: [[UInt8]] = []
      try? forEachBelow(path) { below.append($0) }
      for path in below.sorted(by: { $0.count > $1.count }) { removeName(path) }
    }
    removeName(path)
  }

  /// Removes a name: a file's, or an empty directory's. Returns 0, or an error number.
  @discardableResult
  func removeName(_ path: [UInt8]) -> Int32 {
    let (directory, name) = parent(of: path)
    guard directory >= 0 else { return -directory }
    let result = name.withName { TargetEntry.unlink($0, in: directory) }
    guard result == EISDIR else { return result }
    defer { forget() }
    return -name.withName { varve_unlink(directory, $0, varve_at_removedir) }
  }
}
