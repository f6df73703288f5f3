import CVarveLinux
import Glibc
internal import VarveFormat
internal import VarveStorage

/// Moves what was staged to its places: one rename for each file, so that nobody ever sees a part of one.
struct Switch {
  let staging: Staging
  /// Appended to the names of what is moved aside; nil to replace it.
  let keptSuffix: [UInt8]?
  /// What is moved that is a SQLite database.
  private let databases: Set<[UInt8]>
  private let staged: TargetPlaces
  private let target: TargetPlaces
  private var replaced = 0

  /// - Throws: `.io`.
  init(_ staging: Staging, keptSuffix: [UInt8]?, databases: Set<[UInt8]>) throws {
    self.staging = staging
    self.keptSuffix = keptSuffix
    self.databases = databases
    target = staging.target
    let opened = target.parent(of: staging.tree + Array("/.".utf8)).directory
    guard opened >= 0 else { throw VarveError(system: -opened, "cannot open what was staged") }
    staged = TargetPlaces(Descriptor(owning: fcntl(opened, F_DUPFD_CLOEXEC, 0)))
  }

  /// Moves `path`, which was staged, over what is there.
  mutating func move(_ path: [UInt8]) throws {
    try clearDirectories(above: path)
    var status = FileStatus()
    if try target.look(at: path, &status) {
      if keptSuffix != nil {
        try setAside(path, isDirectory: status.isDirectory)
      } else if status.isDirectory {
        try takeAway(path)
      }
    }
    let from = staged.parent(of: path)
    let to = target.parent(of: path, making: true)
    guard from.directory >= 0, to.directory >= 0 else {
      throw failure(path, from.directory < 0 ? from.directory : to.directory)
    }
    let result = rename(from, to)
    guard result == 0 else { throw failure(path, result) }
  }

  /// Removes `path`, or moves it aside.
  mutating func remove(_ path: [UInt8]) throws {
    var status = FileStatus()
    guard try target.look(at: path, &status) else { return }
    if keptSuffix != nil { return try setAside(path, isDirectory: true) }
    let code = target.removeName(path)
    guard code == 0 || code == ENOENT else { throw failure(path, -code) }
  }

  /// Something else may be where a directory is to be.
  private mutating func clearDirectories(above path: [UInt8]) throws {
    for cut in path.indices where path[cut] == UInt8(ascii: "/") {
      let directory = Array(path[..<cut])
      var status = FileStatus()
      guard try target.look(at: directory, &status) else { return }
      guard !status.isDirectory else { continue }
      if keptSuffix != nil { return try setAside(directory, isDirectory: true) }
      let code = target.removeName(directory)
      guard code == 0 else { throw failure(directory, -code) }
      return
    }
  }

  private mutating func takeAway(_ path: [UInt8]) throws {
    let place = staging.placeForReplaced(replaced)
    replaced += 1
    let from = target.parent(of: path)
    // Another way to the same place, since each keeps one directory open.
    let other = TargetPlaces(Descriptor(owning: fcntl(target.root.number, F_DUPFD_CLOEXEC, 0)))
    let to = other.parent(of: place)
    let result = rename(from, to)
    target.forget()
    guard result == 0 else { throw failure(path, result) }
  }

  /// The suffix, perhaps with a number behind it, with which no name is taken that something will be moved aside to.
  ///
  /// - Parameter paths: what may be moved aside.
  /// - Throws: `.refused` when there is none; `.io`.
  static func freeSuffix(
    _ suffix: [UInt8], for paths: [[UInt8]], databases: Set<[UInt8]>, in target: TargetPlaces
  ) throws -> [UInt8] {
    for number in 1...1_000 {
      let numbered = number == 1 ? suffix : suffix + Array(".\(number)".utf8)
      let isTaken = try paths.contains { path in
        var status = FileStatus()
        return try target.look(at: keptPath(path, numbered, databases), &status)
      }
      if !isTaken { return numbered }
    }
    throw VarveError(
      .refused,
      "there are files whose names end in \(EscapedBytes.text(suffix)) to \(EscapedBytes.text(suffix)).1000",
      hint: "remove those that you do not need, or give another --kept-suffix")
  }

  private static func keptPath(
    _ path: [UInt8], _ suffix: [UInt8], _ databases: Set<[UInt8]>
  ) -> [UInt8] {
    // SQLite has to find a journal beside what is kept, or its newest transactions are lost.
    let ending =
      ChangePlan.companionEndings.first {
        path.suffix($0.count) == $0[...] && databases.contains(Array(path.dropLast($0.count)))
      } ?? []
    return path.dropLast(ending.count) + suffix + ending
  }

  /// Gives what is there another name beside its own. A file has both until the new one takes the first.
  private func setAside(_ path: [UInt8], isDirectory: Bool) throws {
    guard let keptSuffix else { return }
    let kept = target.parent(of: Self.keptPath(path, keptSuffix, databases)).name
    let place = target.parent(of: path)
    var result: Int32 = -EPERM
    if !isDirectory {
      result = place.name.withName { name in
        Array(kept).withName { varve_link(place.directory, name, place.directory, $0, 0) }
      }
    }
    // Not every file system has hard links, and directories have none.
    if isDirectory || result == -EPERM || result == -EOPNOTSUPP || result == -EMLINK {
      result = place.name.withName { name in
        Array(kept).withName {
          varve_rename(place.directory, name, place.directory, $0, varve_rename_noreplace)
        }
      }
      target.forget()
    }
    guard result == 0 else {
      throw VarveError(system: -result, "cannot move \(EscapedBytes.text(path)) aside")
    }
  }

  private func rename(
    _ from: (directory: Int32, name: [UInt8]), _ to: (directory: Int32, name: [UInt8])
  ) -> Int32 {
    from.name.withName { old in
      to.name.withName { new in
        let result = varve_rename(from.directory, old, to.directory, new, 0)
        guard result == -EPERM, TargetEntry.unprotect(new, in: to.directory) else { return result }
        return varve_rename(from.directory, old, to.directory, new, 0)
      }
    }
  }

  private func failure(_ path: [UInt8], _ code: Int32) -> VarveError {
    code == -EXDEV
      ? VarveError(
        .io, "\(EscapedBytes.text(path)) lies on another file system than the target",
        hint: "restore that directory on its own, with it as --target")
      : VarveError(system: -code, "cannot put \(EscapedBytes.text(path)) in its place")
  }
}
