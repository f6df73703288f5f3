import CVarveLinux
import Glibc
internal import VarveFormat
internal import VarveStorage

// A directory in the target while a restore is staged, on the same file system by that:
//
//   .varve-restore-<16 hex>/   locked by the process that works in it
//     tree/                    what will be moved to its place
//     journal                  from the moment at which the first thing is moved: the safety snapshot's id, or none, and a
//                              line feed; then the places that are never to be left empty, each ended by NUL
//     replaced/<number>        what was in that place, counted from 0, until everything is in its place; behind them, what
//                              databases had beside themselves
//
// One that nobody has locked was left by a process that was killed. What it has taken from a place and put nothing there is
// put back, and the rest removed. Where something cannot be put back, the directory stays as `.varve-replaced-<16 hex>`, which
// no later restore takes for one of these.

final class Staging {
  static let prefix = Array(".varve-restore-".utf8)
  private static let keptPrefix = Array(".varve-replaced-".utf8)

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

  /// What was staged.
  ///
  /// - Throws: `.io`.
  func openTree() throws -> TargetPlaces { TargetPlaces(try open("tree")) }

  /// Where what is replaced goes, once things may be moved.
  ///
  /// - Throws: `.io`.
  func openReplaced() throws -> Descriptor { try open("replaced") }

  private func open(_ name: String) throws -> Descriptor {
    let opened = OpenAt.directory(lock.number, name)
    guard opened >= 0 else {
      throw VarveError(system: -opened, "cannot open the staging directory's \(name)")
    }
    return Descriptor(owning: opened)
  }

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
  func begin(safety: Digest?, places: [[UInt8]]) throws {
    var text = Array((safety.map { $0.hex } ?? "none").utf8) + [0x0a]
    for place in places { text += place + [0] }
    let made = varve_mkdir(lock.number, "replaced", 0o700)
    let file =
      made < 0 ? made : varve_open(lock.number, "journal", O_WRONLY | O_CREAT | O_EXCL, 0o600)
    guard file >= 0 else { throw VarveError(system: -file, "cannot write the restore's journal") }
    let journal = Descriptor(owning: file)
    do { try text.withUnsafeBytes { try RestoreTask.write($0, to: journal.number, at: 0) } } catch {
      throw VarveError(.io, "cannot write the restore's journal", cause: error)
    }
    try sync()
  }

  /// Removes it with all that is in it.
  ///
  /// - Returns: what kept it from going.
  @discardableResult
  func remove() -> VarveError? { Self.remove(name, in: target) }

  static func remove(_ name: [UInt8], in target: TargetPlaces) -> VarveError? {
    target.forget()
    do { try TreeRemoval.remove(name + [0], in: target.root.number) } catch {
      return error as? VarveError ?? VarveError(.io, "\(error)")
    }
    return nil
  }

  /// Keeps it, under a name that no later restore removes; gives the name.
  func keep() -> [UInt8] {
    let kept = Self.keptPrefix + name.dropFirst(Self.prefix.count)
    let root = target.root.number
    let result = Switch.rename((root, name + [0]), (root, kept + [0]))
    return result == 0 ? kept : name
  }
}
