import CVarveLinux
import Glibc
import VarveFormat

// What is mounted somewhere inside the target is no part of it: snapshots that stay on one file system do not have it, and
// nothing can be moved to there in one step. So nothing is removed below a mount point, and no staged restore begins that
// would have to put something there.

extension FileStatus {
  /// Whether something is mounted there: another file system, or another place of the same one. False where the system does
  /// not tell (Linux before 5.8).
  var isMountRoot: Bool { raw.attributes & 0x2000 != 0 }

  /// Whether it is mounted where it is, or lies on another file system than the directory above it.
  func isMounted(on device: UInt64) -> Bool {
    // Of what is no directory some overlaid file systems tell the device below them.
    isMountRoot || isDirectory && self.device != device
  }
}

extension RestoreDirectory {
  /// Notes whether it is reached by way of a mount point inside the target.
  func takeMount(_ status: FileStatus) {
    guard let parent else { return }
    isMounted = parent.isMounted || status.isMounted(on: parent.identity.device)
  }

  /// The path of the mount point by way of which it is reached; nil when there is none inside the target.
  var mountPoint: [UInt8]? {
    guard isMounted else { return nil }
    var directory = self
    while let parent = directory.parent, parent.isMounted { directory = parent }
    return directory.path()
  }
}
