import CVarveLinux
import Glibc
internal import VarveFormat

extension Switch {
  /// Everything is in its place: gives back what directories, and what was moved aside, had.
  func finish() {
    for case .aside(_, let name, let protection?) in reversals { giveBack(protection, to: name) }
    directories.giveBack(in: target, withTimes: false)
  }

  /// Leads back to where nothing was moved.
  ///
  /// - Returns: the paths of what could not be put back, which is where it was moved to.
  func rollBack() -> [[UInt8]] {
    target.forget()
    staged.forget()
    var stranded: [[UInt8]] = []
    while let last = reversals.popLast() {
      if let path = reverse(last) { stranded.append(path) }
    }
    target.forget()
    directories.giveBack(in: target, withTimes: true)
    return stranded
  }

  /// Gives the path if that cannot be done.
  private func reverse(_ reversal: Reversal) -> [UInt8]? {
    switch reversal {
    case .made(let path):
      // What somebody has put in it is no business of the restore.
      _ = target.removeName(path)
      target.forget()
      return nil
    case .put(let path):
      return takeBack(path) ? nil : path
    case .replaced(let path, let number, let protection):
      return putBack(path, number, protection) ? nil : path
    case .aside(let path, let name, let protection):
      return putBack(path, from: name, protection) ? nil : path
    }
  }

  private func takeBack(_ path: [UInt8]) -> Bool {
    // It is still where it was staged, or nowhere.
    if exists(path, in: staged) || !exists(path, in: target) { return true }
    return Self.rename(target.parent(of: path), staged.parent(of: path)) == 0
  }

  private func putBack(_ path: [UInt8], _ number: Int, _ protection: Protection?) -> Bool {
    let name = Self.name(number)
    var status = FileStatus()
    if name.withName({ FileStatus.read(replaced.number, $0, into: &status) }) != ENOENT {
      // Where both are names of one file this does nothing.
      let result = Self.rename((replaced.number, name), target.parent(of: path))
      guard result == 0 else { return false }
    }
    if let protection { giveBack(protection, to: path) }
    return true
  }

  private func putBack(
    _ path: [UInt8], from name: [UInt8], _ protection: Protection?
  ) -> Bool {
    if exists(name, in: target) {
      let kept = target.parent(of: name)
      guard Self.rename(kept, target.parent(of: path)) == 0 else { return false }
      target.forget()
      if exists(name, in: target), target.removeName(name) != 0 { return false }
    }
    if let protection { giveBack(protection, to: path) }
    return true
  }

  private func exists(_ path: [UInt8], in places: TargetPlaces) -> Bool {
    var status = FileStatus()
    return (try? places.look(at: path, &status)) ?? true
  }

  func giveBack(_ protection: Protection, to path: [UInt8]) {
    let (directory, name) = target.parent(of: path)
    guard directory >= 0 else { return }
    let opened = name.withName { OpenAt.file(directory, $0) }
    guard opened >= 0 else { return }
    let file = Descriptor(owning: opened)
    protection.giveBack(to: file.number)
  }
}
