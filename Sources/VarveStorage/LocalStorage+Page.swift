// The objects of a store in the order of their names, a page at a time: what comes after the last name of a page is
// found without looking at what comes before, and no page needs more memory than its objects and the names of the
// directories that lead there.
//
// In that order a directory stands where its name with a slash behind it does: `a-b` ≺ `a/b` ≺ `a0`.

import CVarveLinux
import Glibc

extension LocalStorage {
  /// - Parameters:
  ///   - prefix: as `list` takes it.
  ///   - after: only names behind this one; nil to begin.
  ///   - limit: at most so many objects.
  /// - Returns: ascending by name; fewer than `limit` when there are no more.
  package func page(
    _ prefix: String, after: String?, limit: Int
  ) throws -> [(name: String, size: UInt64)] {
    var page = Page(root: path, after: after, limit: limit)
    try page.visit(try StorageName.directory(prefix))
    return page.objects
  }

  /// The names of the directories in the directory at `path`, but for those that start with a dot.
  package static func directories(in path: String) throws -> [String] {
    var names: [String] = []
    try DirectoryWalk.entries(of: path) { name, _ in names.append(name) }
    return names.filter { LocalStorage(path: "\(path)/\($0)").exists }
  }

  private struct Page {
    let root: String
    let after: String?
    let limit: Int
    var objects: [(name: String, size: UInt64)] = []

    private enum Kind {
      case directory
      case file(size: UInt64?)
    }

    mutating func visit(_ directory: String) throws {
      var entries: [(path: String, type: UInt8)] = []
      try DirectoryWalk.entries(of: directory.isEmpty ? root : "\(root)/\(directory)") {
        name, type in
        let path = directory.isEmpty ? name : "\(directory)/\(name)"
        if StorageName.isValid(path), isAhead(path) { entries.append((path, type)) }
      }
      // A directory's name is compared with its slash, which all names below it go on with.
      var ordered: [(key: String, path: String, kind: Kind)] = []
      for entry in entries {
        guard let kind = kind(entry.path, entry.type) else { continue }
        if case .directory = kind {
          ordered.append((entry.path + "/", entry.path, kind))
        } else {
          ordered.append((entry.path, entry.path, kind))
        }
      }
      ordered.sort { $0.key < $1.key }
      for entry in ordered {
        guard objects.count < limit else { return }
        switch entry.kind {
        case .directory: try visit(entry.path)
        case .file(let known):
          if let after, entry.path <= after { continue }
          if let size = known ?? size(entry.path) { objects.append((entry.path, size)) }
        }
      }
    }

    /// Whether `path`, or anything below it, comes behind `after`.
    private func isAhead(_ path: String) -> Bool {
      guard let after else { return true }
      let directory = path + "/"
      return path > after || directory > after || after.hasPrefix(directory)
    }

    private func kind(_ path: String, _ type: UInt8) -> Kind? {
      switch type {
      case UInt8(DT_DIR): return .directory
      case UInt8(DT_REG): return .file(size: nil)
      default:
        var status = varve_status()
        guard varve_statx(AT_FDCWD, "\(root)/\(path)", 0, &status) == 0 else { return nil }
        if status.isDirectory { return .directory }
        return status.isRegularFile ? .file(size: status.size) : nil
      }
    }

    /// nil when it has gone.
    private func size(_ path: String) -> UInt64? {
      var status = varve_status()
      guard varve_statx(AT_FDCWD, "\(root)/\(path)", 0, &status) == 0 else { return nil }
      return status.size
    }
  }
}
