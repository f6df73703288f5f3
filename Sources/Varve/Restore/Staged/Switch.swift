import CVarveLinux
import Glibc
internal import VarveFormat
internal import VarveStorage

/// Moves what was staged to its places: one rename for each file, so that nobody ever sees a part of one.
///
/// What was there gets another name first, in `replaced/` or aside, and keeps it until everything is in its place: from a
/// failure at any step `rollBack` leads back.
final class Switch {
  /// What leads back from a step; noted before the step is made, of which nobody may know whether it was.
  enum Reversal {
    /// The directory was not there.
    case made([UInt8])
    /// What was staged was moved to its place.
    case put([UInt8])
    /// What was there is in `replaced/`, under the number of the step.
    case replaced([UInt8], number: Int, Protection?)
    /// What was there has another name beside its own.
    case aside([UInt8], name: [UInt8], Protection?)
  }

  let target: TargetPlaces
  let staged: TargetPlaces
  let replaced: Descriptor
  private let plan: SwitchPlan
  /// Nil to replace what is there.
  private let names: KeptNames?
  /// Whether directories with something in them may go.
  private let takesDirectories: Bool
  private(set) var directories = ChangedDirectories()
  var reversals: [Reversal] = []
  /// The directory of the target that was last made sure to be there.
  private var reached: [UInt8] = []

  /// - Throws: `.io`.
  init(
    _ plan: SwitchPlan, _ staging: Staging, keeping names: KeptNames?, takesDirectories: Bool
  ) throws {
    self.plan = plan
    self.names = names
    self.takesDirectories = takesDirectories
    target = staging.target
    staged = try staging.openTree()
    replaced = try staging.openReplaced()
  }

  /// Makes all steps.
  ///
  /// - Throws: `.io` when one cannot be made; those before it are then to be rolled back.
  func run() throws {
    for (number, step) in plan.steps.enumerated() { try make(step, number) }
  }

  private func make(_ step: SwitchPlan.Step, _ number: Int) throws {
    let above = TargetPlaces.above(step.path)
    if step.puts { try reach(above) }
    var status = FileStatus()
    if try target.look(at: step.path, &status) {
      try directories.open(above, in: target)
      try takeAway(step, number, status)
    }
    guard step.puts else { return }
    try directories.open(above, in: target)
    reversals.append(.put(step.path))
    let result = Self.rename(staged.parent(of: step.path), target.parent(of: step.path))
    guard result == 0 else { throw failure(step.path, result) }
  }

  /// Makes the directory, and those above it, unless they are there.
  private func reach(_ path: [UInt8]) throws {
    if path.isEmpty || path == reached { return }
    var status = FileStatus()
    if try target.look(at: path, &status) {
      guard status.isDirectory else { throw failure(path, -ENOTDIR) }
    } else {
      let above = TargetPlaces.above(path)
      try reach(above)
      try directories.open(above, in: target)
      reversals.append(.made(path))
      let (directory, name) = target.parent(of: path)
      let made = directory < 0 ? directory : name.withName { varve_mkdir(directory, $0, 0o700) }
      guard made == 0 else { throw failure(path, made) }
    }
    reached = path
  }

  // MARK: What is there

  /// Gives what is there its other name. A file that will be replaced keeps its own until then.
  private func takeAway(_ step: SwitchPlan.Step, _ number: Int, _ status: FileStatus) throws {
    let path = step.path
    if status.isDirectory, !takesDirectories, try target.entryCount(of: path) > 0 {
      throw VarveError(
        .io, "\(EscapedBytes.text(path)): a directory is in its place and not empty",
        hint: "move the directory away, or restore with --delete")
    }
    let protection = unprotect(path, status)
    let links = step.puts && !status.isDirectory
    let result: Int32
    if let name = names?.name(for: path) {
      reversals.append(.aside(path, name: name, protection))
      result = rename(path, links: links, to: target.parent(of: name), varve_rename_noreplace)
    } else {
      reversals.append(.replaced(path, number: number, protection))
      result = rename(path, links: links, to: (replaced.number, Self.name(number)), 0)
    }
    if status.isDirectory { target.forget() }
    if result == -EEXIST {
      // What has that name is not ours to put back.
      reversals.removeLast()
      if let protection { giveBack(protection, to: path) }
    }
    guard result == 0 else {
      throw VarveError(system: -result, "cannot move \(EscapedBytes.text(path)) out of the way")
    }
  }

  private func unprotect(_ path: [UInt8], _ status: FileStatus) -> Protection? {
    guard Protection.isPossible(status) else { return nil }
    let (directory, name) = target.parent(of: path)
    let opened = directory < 0 ? directory : name.withName { OpenAt.file(directory, $0) }
    // The system will say what is wrong with it when it is moved.
    guard opened >= 0 else { return nil }
    let file = Descriptor(owning: opened)
    return Protection(takenFrom: file.number, status)
  }

  private func rename(
    _ path: [UInt8], links: Bool, to other: (directory: Int32, name: [UInt8]), _ flags: UInt32
  ) -> Int32 {
    let own = target.parent(of: path)
    guard own.directory >= 0, other.directory >= 0 else {
      return min(own.directory, other.directory)
    }
    return own.name.withName { old in
      other.name.withName { new in
        if links {
          let result = varve_link(own.directory, old, other.directory, new, 0)
          // Not every file system has hard links, nor may everybody make them.
          if ![-EPERM, -EOPNOTSUPP, -EMLINK, -ENOSYS].contains(result) { return result }
        }
        return varve_rename(own.directory, old, other.directory, new, flags)
      }
    }
  }

  // MARK: Names

  /// The name in `replaced/`, ended by NUL.
  static func name(_ number: Int) -> [UInt8] { Array(String(number).utf8) + [0] }

  static func rename(
    _ from: (directory: Int32, name: [UInt8]), _ to: (directory: Int32, name: [UInt8])
  ) -> Int32 {
    guard from.directory >= 0, to.directory >= 0 else { return min(from.directory, to.directory) }
    return from.name.withName { old in
      to.name.withName { varve_rename(from.directory, old, to.directory, $0, 0) }
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
