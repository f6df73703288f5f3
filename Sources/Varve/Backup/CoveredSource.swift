internal import CVarveLinux
import Glibc
internal import VarveFormat
internal import VarveStorage

/// A source that was named below another one: it is saved with that, unless the walk does not come there.
struct CoveredSource {
  private static let slash = UInt8(ascii: "/")

  let path: [UInt8]
  /// The source above it.
  let cover: [UInt8]
  /// Whether the walk follows that one, if it is a link: it does for the snapshot's root.
  let isCoverFollowed: Bool

  /// Why it will not be in the snapshot; nil when nothing speaks against it.
  var obstacle: String? {
    var place = cover
    for part in path.dropFirst(cover.count).split(separator: Self.slash) {
      if place != cover || !isCoverFollowed {
        guard let status = Self.status(of: place) else { return Self.reason(errno) }
        if status.isSymbolicLink {
          return "it is reached by the link \(EscapedBytes.text(place)), which is not followed: "
            + "name it by its own path"
        }
      }
      if place.last != Self.slash { place.append(Self.slash) }
      place += part
    }
    return Self.status(of: place) == nil ? Self.reason(errno) : nil
  }

  private static func reason(_ error: Int32) -> String { SystemError.text(error) }

  private static func status(of path: [UInt8]) -> FileStatus? {
    var status = FileStatus()
    let error = (path + [0]).withUnsafeBytes {
      FileStatus.read(AT_FDCWD, $0.baseAddress!.assumingMemoryBound(to: CChar.self), into: &status)
    }
    errno = error
    return error == 0 ? status : nil
  }

  /// The file systems that sources are on.
  static func fileSystems(of paths: [[UInt8]], followed: [UInt8]?) -> Set<UInt64> {
    var devices: Set<UInt64> = []
    for path in paths {
      // What a link leads to counts for the snapshot's root only.
      let shown = path == followed && path.last != slash ? path + [slash] : path
      if let status = status(of: shown) { devices.insert(status.device) }
    }
    return devices
  }
}
