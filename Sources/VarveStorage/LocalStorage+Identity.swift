import CVarveLinux
import Glibc

/// Which directory of this machine it is, whatever path leads there.
public struct DirectoryIdentity: Hashable, Sendable {
  /// The file system that it is on: major number in the upper half, minor in the lower.
  public let device: UInt64
  public let inode: UInt64

  public init(device: UInt64, inode: UInt64) {
    self.device = device
    self.inode = inode
  }
}

extension LocalStorage {
  /// That of the store's directory, links followed; nil where there is none.
  public var identity: DirectoryIdentity? { Self.identity(of: path) }

  /// That of the directory with the packs.
  public var packIdentity: DirectoryIdentity? { Self.identity(of: path + "/packs") }

  private static func identity(of path: String) -> DirectoryIdentity? {
    var status = varve_status()
    guard varve_statx(AT_FDCWD, path, 0, &status) == 0, status.mode & S_IFMT == S_IFDIR else {
      return nil
    }
    return DirectoryIdentity(
      device: UInt64(status.device_major) << 32 | UInt64(status.device_minor), inode: status.inode)
  }
}
