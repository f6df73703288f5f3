import CVarveLinux
import Glibc
internal import VarveFormat
internal import VarveStorage

// A directory in the target while a restore is staged, on the same file system by that:
//
//   .varve-restore-<16 hex>/   locked by the process that works in it
//     tree/                    what will be moved to its place
//     journal                  from the moment at which the first thing is moved: the safety snapshot's id
//     replaced/                directories that files took the place of
//
// One that nobody has locked was left by a process that was killed.

final class Staging {
  private static let prefix = Array(".varve-restore-".utf8)

  let target: TargetPlaces
  let name: [UInt8]
  private let lock: Descriptor

  /// Makes one.
  ///
  /// - Throws: `.io`.
  init(in target: TargetPlaces) throws {
    self.target = target
    let unique = String(UInt64.random(in: .min ... .max), radix: 16)
    name =
      Self.prefix + Array((String(repeating: "0", count: 16 - unique.utf8.count) + unique).utf8)
    let named = name + [0]
    let made = named.withName { varve_mkdir(target.root.number, $0, 0o700) }
    guard made == 0 else {
      throw VarveError(system: -made, "cannot make a staging directory in the target")
    }
    let opened = named.withName { OpenAt.directory(target.root.number, $0) }
    guard opened >= 0, flock(opened, LOCK_EX | LOCK_NB) == 0 else {
      throw VarveError(system: opened < 0 ? -opened : errno, "cannot open the staging directory")
    }
    lock = Descriptor(owning: opened)
  }

  var tree: [UInt8] { name + Array("/tree".utf8) }

  /// Makes everything in it durable.
  ///
  /// - Throws: `.io` when the system says that it cannot be.
  func sync() throws {
    let result = varve_syncfs(lock.number)
    guard result == 0 else { throw VarveError(system: -result, "cannot sync the target") }
  }

  /// Notes that from now on the target is neither as it was nor as it will be.
  ///
  /// - Throws: `.io`.
  func begin(safety: Digest?) throws {
    let text = Array((safety.map { $0.hex } ?? "none").utf8) + [0x0a]
    let file = varve_open(lock.number, "journal", O_WRONLY | O_CREAT | O_EXCL, 0o600)
    guard file >= 0 else { throw VarveError(system: -file, "cannot write the restore's journal") }
    let descriptor = Descriptor(owning: file)
    let count = text.withUnsafeBytes {
      varve_pwrite(descriptor.number, $0.baseAddress!, $0.count, 0)
    }
    guard count == text.count else {
      throw VarveError(
        system: count < 0 ? Int32(-count) : EIO, "cannot write the restore's journal")
    }
    try sync()
  }

  /// Where a directory goes that a file takes the place of.
  func placeForReplaced(_ number: Int) -> [UInt8] {
    _ = varve_mkdir(lock.number, "replaced", 0o700)
    return name + Array("/replaced/\(number)".utf8)
  }

  func remove() { target.remove(name) }

  /// Removes what processes that were killed have left.
  ///
  /// - Returns: the safety snapshots of those that had begun to move things.
  static func removeStale(in target: TargetPlaces) -> [String] {
    var listing = DirectoryListing()
    let own = Descriptor(owning: OpenAt.directory(target.root.number, "."))
    guard own.number >= 0, listing.load(own.number) == 0 else { return [] }
    var begun: [String] = []
    for index in 0..<listing.count {
      let name = Array(listing.bytes(index))
      guard name.starts(with: prefix), name.count == prefix.count + 16 else { continue }
      let opened = (name + [0]).withName { OpenAt.directory(target.root.number, $0) }
      guard opened >= 0 else { continue }
      let directory = Descriptor(owning: opened)
      guard flock(directory.number, LOCK_EX | LOCK_NB) == 0 else { continue }
      let journal = varve_open(directory.number, "journal", O_RDONLY | O_NOFOLLOW, 0)
      if journal >= 0 {
        let file = Descriptor(owning: journal)
        var text = [UInt8](repeating: 0, count: 80)
        let count = text.withUnsafeMutableBytes {
          varve_pread(file.number, $0.baseAddress!, $0.count, 0)
        }
        let id = String(
          decoding: text.prefix(max(0, Int(count))).prefix { $0 != 0x0a }, as: UTF8.self)
        if id.utf8.count == 64 { begun.append(id) }
      }
      target.remove(name)
    }
    return begun
  }
}
