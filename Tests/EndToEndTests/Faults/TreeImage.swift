import Foundation
import Glibc

/// What a directory holds, for comparison: names, kinds, modes, times and content of everything below it.
struct TreeImage: Equatable {
  struct Entry: Equatable {
    var mode: mode_t
    var seconds: Int
    var nanoseconds: Int
    var content: [UInt8]
  }

  private(set) var entries: [String: Entry] = [:]

  /// - Parameter root: its own mode and times do not count.
  init(of root: String) throws {
    let names = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
    for name in names {
      let path = "\(root)/\(name)"
      var status = stat()
      guard lstat(path, &status) == 0 else {
        throw SpawnFailure(description: "\(path): \(errno)")
      }
      var content: [UInt8] = []
      switch status.st_mode & S_IFMT {
      case S_IFREG: content = Array(FileManager.default.contents(atPath: path) ?? Data())
      case S_IFLNK:
        content = Array((try FileManager.default.destinationOfSymbolicLink(atPath: path)).utf8)
      default: break
      }
      entries[name] = Entry(
        mode: status.st_mode, seconds: status.st_mtim.tv_sec,
        nanoseconds: status.st_mtim.tv_nsec, content: content)
    }
  }

  mutating func remove(_ name: String) { entries[name] = nil }

  /// Names at which the two differ, ascending.
  func differences(from other: TreeImage) -> [String] {
    Set(entries.keys).union(other.entries.keys).filter { entries[$0] != other.entries[$0] }.sorted()
  }

  /// Names whose content is here and not as in `other`; what is missing here does not count, nor do
  /// directories, whose times change with what is missing.
  func wrong(against other: TreeImage) -> [String] {
    entries.filter { name, entry in
      entry.mode & S_IFMT != S_IFDIR && other.entries[name] != entry
    }.map(\.key).sorted()
  }
}
