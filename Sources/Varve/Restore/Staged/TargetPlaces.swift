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

  /// The file system that it is on.
  private(set) lazy var device: UInt64 = {
    var status = FileStatus()
    return FileStatus.read(root.number, into: &status) == 0 ? status.device : .max
  }()

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
  func parent(of path: [UInt8]) -> (directory: Int32, name: [UInt8]) {
    let above = Self.above(path)
    let name = above.isEmpty ? path : Array(path[(above.count + 1)...])
    return (directory(above), name + [0])
  }

  /// The path of the directory in which `path` lies; empty for the root.
  static func above(_ path: [UInt8]) -> [UInt8] {
    Array(path[..<(path.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex)])
  }

  /// The directory `path`; the root for an empty one.
  ///
  /// - Returns: as `parent`.
  func directory(_ path: [UInt8]) -> Int32 {
    if path.isEmpty { return root.number }
    if open >= 0, openPath == path { return open }
    forget()
    var current = root.number
    for component in path.split(separator: UInt8(ascii: "/")) {
      let name = Array(component) + [0]
      let next = name.withName { OpenAt.directory(current, $0) }
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

  /// How many entries a directory has.
  ///
  /// - Throws: `.io` when it cannot be listed.
  func entryCount(of path: [UInt8]) throws -> Int {
    // A descriptor of its own, since listing moves the position of the shared one.
    let own = OpenAt.directory(directory(path), ".")
    guard own >= 0 else {
      throw VarveError(system: -own, "cannot open \(EscapedBytes.text(path))")
    }
    let descriptor = Descriptor(owning: own)
    var listing = DirectoryListing()
    let code = listing.load(descriptor.number)
    guard code == 0 else {
      throw VarveError(system: code, "cannot list \(EscapedBytes.text(path))")
    }
    return listing.count
  }

  /// Calls `body` with each path below a directory, and what is there; with a directory before what is in it.
  func forEachBelow(_ path: [UInt8], _ body: ([UInt8], FileStatus) throws -> Void) throws {
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
        try body(below, status)
        if status.isDirectory { waiting.append(below) }
      }
    }
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
