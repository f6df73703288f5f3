import CVarveLinux
import Glibc
import VarveFormat
import VarveStorage

/// Removes from the target what the snapshot does not have.
///
/// Goes down through directory descriptors and never through links, and never into what is mounted inside the
/// target. What the patterns leave out stays, and so do the directories it lies in.
struct Removal {
  let session: RestoreSession
  /// Of the target.
  let device: UInt64

  private final class Level {
    let descriptor: Descriptor
    let name: [UInt8]
    let path: [UInt8]
    var listing = DirectoryListing()
    var next = 0
    var isEmptied = true

    init(_ descriptor: consuming Descriptor, name: [UInt8], path: [UInt8]) {
      self.descriptor = descriptor
      self.name = name
      self.path = path
    }
  }

  /// Removes the entry `name` of `directory` with all that is below it.
  ///
  /// - Parameters:
  ///   - name: ended by NUL.
  ///   - path: of the entry, relative to the target.
  /// - Returns: whether it is gone; what could not be removed has been reported.
  func remove(_ name: [UInt8], path: [UInt8], in directory: Int32) -> Bool {
    var status = FileStatus()
    let result = name.withName { FileStatus.read(directory, $0, into: &status) }
    if result == ENOENT { return true }
    guard result == 0 else { return failed(path, result) }
    if status.isMounted(on: device) { return isMounted(path) }
    guard status.isDirectory else { return removeName(name, path, status.size, in: directory) }
    var levels: [Level] = []
    guard open(name, path, in: directory, &levels) else { return false }
    var isGone = false
    while let level = levels.last {
      if level.next < level.listing.count {
        step(level, &levels)
      } else {
        levels.removeLast()
        let above = levels.last
        isGone =
          level.isEmptied
          && removeDirectory(level, in: above?.descriptor.number ?? directory)
        if !isGone { above?.isEmptied = false }
      }
    }
    return isGone
  }

  private func step(_ level: Level, _ levels: inout [Level]) {
    let index = level.next
    level.next += 1
    let name = Array(level.listing.bytes(index)) + [0]
    let path = level.path + [UInt8(ascii: "/")] + name.dropLast()
    let decision = session.filter.takesEverything ? nil : decide(path)
    if let decision, !decision.isSelected, !decision.looksBelow {
      level.isEmptied = false
      return
    }
    var status = FileStatus()
    let result = name.withName { FileStatus.read(level.descriptor.number, $0, into: &status) }
    if result == ENOENT { return }
    guard result == 0 else {
      level.isEmptied = false
      _ = failed(path, result)
      return
    }
    if status.isMounted(on: device) {
      level.isEmptied = isMounted(path)
    } else if status.isDirectory {
      if !open(name, path, in: level.descriptor.number, &levels) { level.isEmptied = false }
      if let decision, !decision.isSelected { levels.last?.isEmptied = false }
    } else if decision?.isSelected ?? true {
      if !removeName(name, path, status.size, in: level.descriptor.number) {
        level.isEmptied = false
      }
    } else {
      level.isEmptied = false
    }
  }

  private func decide(_ path: [UInt8]) -> PathFilter.Decision {
    ([UInt8(ascii: "/")] + path).withUnsafeBytes { session.filter.decision($0) }
  }

  private func open(
    _ name: [UInt8], _ path: [UInt8], in directory: Int32, _ levels: inout [Level]
  ) -> Bool {
    let number = name.withName { OpenAt.directory(directory, $0) }
    guard number >= 0 else { return failed(path, -number) }
    let descriptor = Descriptor(owning: number)
    var status = FileStatus()
    let result = FileStatus.read(number, into: &status)
    guard result == 0 else { return failed(path, result) }
    guard !status.isMounted(on: device) else { return isMounted(path) }
    if !session.options.dryRun { _ = name.withName { TargetEntry.unprotect($0, in: directory) } }
    let level = Level(descriptor, name: name, path: path)
    let listed = level.listing.load(number)
    guard listed == 0 else { return failed(path, listed) }
    levels.append(level)
    return true
  }

  private func removeName(
    _ name: [UInt8], _ path: [UInt8], _ size: UInt64, in directory: Int32
  ) -> Bool {
    if !session.options.dryRun {
      let result = name.withName { TargetEntry.unlink($0, in: directory) }
      guard result == 0 || result == ENOENT else { return failed(path, result) }
    }
    session.finished(.deleted, size: size, path: path)
    return true
  }

  private func removeDirectory(_ level: Level, in directory: Int32) -> Bool {
    if !session.options.dryRun {
      let result = level.name.withName { varve_unlink(directory, $0, varve_at_removedir) }
      guard result == 0 || result == -ENOENT else { return failed(level.path, -result) }
    }
    session.finished(.deleted, size: 0, isDirectory: true, path: level.path)
    return true
  }

  private func isMounted(_ path: [UInt8]) -> Bool {
    session.report(
      path,
      VarveError(
        .io, "something is mounted there, so it stays; unmount it, or leave it out with --exclude"))
    return false
  }

  private func failed(_ path: [UInt8], _ code: Int32) -> Bool {
    session.report(path, VarveError(system: code, "cannot remove it"))
    return false
  }
}
