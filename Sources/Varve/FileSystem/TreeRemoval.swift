import CVarveLinux
import Glibc
import VarveFormat
import VarveStorage

/// Removes a directory of ours with all that is in it.
///
/// Goes down through descriptors, never through links, and never into another file system. What programs protected or
/// closed off is opened again.
package enum TreeRemoval {
  /// - Throws: `.io`, naming the first thing that cannot be removed; the rest is removed all the same.
  package static func remove(_ path: String) throws {
    try remove(Array(path.utf8) + [0], in: AT_FDCWD)
  }

  /// Removes the entry `name`, ended by NUL, of an open directory.
  ///
  /// - Throws: as `remove(_:)`.
  package static func remove(_ name: [UInt8], in parent: Int32) throws {
    let path = ByteText.printable(name.dropLast())
    var failure: VarveError?
    var status = FileStatus()
    let code = name.withName { FileStatus.read(parent, $0, into: &status) }
    if code == ENOENT { return }
    guard code == 0 else { throw VarveError(system: code, "cannot remove \(path)") }
    empty(name, in: parent, path, status.device, depth: 0, &failure)
    let result = name.withName { varve_unlink(parent, $0, AT_REMOVEDIR) }
    if result != 0, result != -ENOENT, failure == nil {
      failure = VarveError(system: -result, "cannot remove \(path)")
    }
    if let failure { throw failure }
  }

  private static func empty(
    _ name: [UInt8], in parent: Int32, _ path: String, _ device: UInt64, depth: Int,
    _ failure: inout VarveError?
  ) {
    func note(_ code: Int32, _ what: String) {
      if failure == nil { failure = VarveError(system: code, "cannot remove \(what)") }
    }
    // Each level keeps a descriptor and a frame of the stack.
    guard depth < TreeLimits.depth else { return note(ELOOP, path) }
    _ = name.withName { TargetEntry.unprotect($0, in: parent) }
    var number = name.withName { OpenAt.directory(parent, $0) }
    if number == -EACCES {
      _ = name.withName { fchmodat(parent, $0, 0o700, 0) }
      number = name.withName { OpenAt.directory(parent, $0) }
    }
    guard number >= 0 else { return note(-number, path) }
    let directory = Descriptor(owning: number)
    var status = FileStatus()
    guard FileStatus.read(number, into: &status) == 0, status.device == device else {
      return note(EXDEV, path)
    }
    if status.mode & 0o700 != 0o700 { _ = varve_fchmod(number, 0o700) }
    var listing = DirectoryListing()
    let code = listing.load(directory.number)
    guard code == 0 else { return note(code, path) }
    for index in 0..<listing.count {
      let entry = Array(listing.bytes(index)) + [0]
      var result = entry.withName { TargetEntry.unlink($0, in: number) }
      if result == EISDIR || result == EPERM {
        let below = path + "/" + ByteText.printable(entry.dropLast())
        empty(entry, in: number, below, device, depth: depth + 1, &failure)
        result = -entry.withName { varve_unlink(number, $0, AT_REMOVEDIR) }
      }
      if result != 0, result != ENOENT {
        note(result, path + "/" + ByteText.printable(entry.dropLast()))
      }
    }
  }
}
