internal import CVarveLinux
import Glibc

/// Which time stamps say that a file has not changed since it was read.
///
/// A file that is written to again within what its file system takes for one moment keeps its stamps. So those of the last
/// moment before the backup began are not trusted, and what has them is read again the next time. How long that is:
///
///     20 ms      the kernel stamps with its coarse clock, which lags by up to a tick (10 ms at 100 Hz)
///     2 s        for stamps without a fraction: ext4 with small inodes, ext3, HFS+ keep whole seconds, FAT every other one
///     60 s       on network file systems and in user space, which stamp with a clock of their own
struct StampTrust {
  private static let tick: Int64 = 20_000_000
  private static let second: Int64 = 1_000_000_000

  /// Nanoseconds since 1970.
  private let start: Int64

  /// Before anything is read.
  init() {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    start = Int64(now.tv_sec) * Self.second + Int64(now.tv_nsec)
  }

  /// Whether a file may have changed although it has the same stamps still.
  func doubts(_ signature: FileSignature, isRemote: Bool) -> Bool {
    isYoung(signature.changed, isRemote) || isYoung(signature.modified, isRemote)
  }

  private func isYoung(_ stamp: Int64, _ isRemote: Bool) -> Bool {
    if stamp >= start - Self.tick { return true }
    if isRemote { return stamp >= start - 60 * Self.second }
    return stamp % Self.second == 0 && stamp >= start - 2 * Self.second - Self.tick
  }

  /// File systems whose stamps come from another machine, or from whatever a program says: `f_type` of statfs(2), with the
  /// names of linux/magic.h.
  private static let remote: Set<UInt32> = [
    0x6969,  // NFS
    0x517b, 0xff53_4d42, 0xfe53_4d42,  // SMB, CIFS, SMB2
    0x6573_5546,  // FUSE
    0x0102_1997,  // 9P
    0x00c3_6400,  // Ceph
    0x0bd0_0bd0,  // Lustre
    0x5346_414f, 0x6b41_4653,  // AFS
    0x7461_636f, 0x0116_1970,  // OCFS2, GFS2
    0x786f_4256,  // vboxsf
  ]

  static func isRemote(_ descriptor: Int32) -> Bool {
    remote.contains(varve_file_system(descriptor))
  }
}
