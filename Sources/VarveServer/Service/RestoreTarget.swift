import Glibc
import Varve
import VarveFormat
import VarveOperations

/// Where a restore of the service may not be sent: to what may be in use.
///
/// With a target no hooks run and runs of the profile are not locked out, so nothing that the profile saves may be touched.
/// What is written: what the source holds goes right into the target (`/srv/db/a` of `/srv/db` becomes `TARGET/a`, and so does
/// the file `/srv/db/a` that is a source itself), beside a staging directory. The names are known only from the snapshot, so
/// the rule is of directories alone. A target is refused when the place of one of the profile's paths or databases
///
///     is the target            it would be written over
///     has the target below it  it would be written into
///     lies below the target    a name that is restored may be the place's, or of a directory on the way to it
///
/// A directory beside is good: `/srv/restore` or `/srv/db2` for `/srv/db`. Beside `/` there is none: for a source that is `/`
/// a target is good in which nothing is yet.
enum RestoreTarget {
  private static let slash = UInt8(ascii: "/")

  /// The system takes no longer path.
  static let lengthLimit = 4095

  /// The first source whose place the target overlaps, and that place as the configuration names it.
  static func overlapped(
    _ target: String, of profile: Profile
  ) -> (source: Source, place: String)? {
    let target = resolved(Array(target.utf8))
    for source in profile.sources {
      switch source.origin {
      case .path(let place), .sqlite(let place):
        if overlaps(target, place) { return (source, place) }
      case .command: continue
      }
    }
    return nil
  }

  private static func overlaps(_ target: SnapshotPath, _ place: String) -> Bool {
    let path = Array(place.utf8)
    // Where a link leads, and the link itself, which what is restored could replace.
    return [resolved(path), SnapshotPath(path)].contains { place in
      if target.lies(in: place) { return !place.isRoot || target.isRoot || !isVacant(target) }
      return place.lies(in: target)
    }
  }

  /// Where the system gets to by a path, and would, once what is missing is made.
  private static func resolved(_ path: [UInt8]) -> SnapshotPath {
    // `..` after what is missing leads back to what is there, where links may follow.
    SnapshotPath(followed(followed(path)))
  }

  /// With the links of the part that is there resolved, each before the `..` that follows it.
  private static func followed(_ path: [UInt8]) -> [UInt8] {
    var end = path.count
    while end > 0 {
      if let real = realpath(cString(path[..<end]), nil) {
        defer { free(real) }
        let bytes = Array(UnsafeRawBufferPointer(start: real, count: strlen(real)))
        return CleanPath.clean(bytes + path[end...])
      }
      end = path[..<end].lastIndex(of: slash) ?? 0
    }
    return CleanPath.clean(path)
  }

  /// Whether it is missing, or a directory with nothing in it.
  private static func isVacant(_ path: SnapshotPath) -> Bool {
    guard let stream = opendir(cString(path.bytes[...])) else { return errno == ENOENT }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let isOwn = withUnsafeBytes(of: &entry.pointee.d_name) { name in
        name.prefix { $0 != 0 }.elementsEqual(".".utf8)
          || name.prefix { $0 != 0 }.elementsEqual("..".utf8)
      }
      if !isOwn { return false }
    }
    return true
  }

  private static func cString(_ path: ArraySlice<UInt8>) -> [CChar] {
    path.map { CChar(bitPattern: $0) } + [0]
  }
}
