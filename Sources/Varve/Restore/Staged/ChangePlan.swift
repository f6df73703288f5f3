import CVarveLinux
import Glibc
import Synchronization
internal import VarveFormat
internal import VarveRepository
internal import VarveStorage

/// What a restore would change, found by a dry run. Paths are relative to the target, ascending in the order of a walk.
struct ChangePlan {
  /// Files, links and special files that will be written.
  var written: [[UInt8]] = []
  /// What is there now and will be written over or removed, directories with all that goes with them.
  var preserved: [[UInt8]] = []
  /// What is not there now.
  var created: [[UInt8]] = []
  /// What is no directory where one is to be. Will be removed.
  private(set) var obstacles: [[UInt8]] = []
  /// What databases keep beside themselves and the snapshot does not have: it is of those that were there, and must not be
  /// taken for the restored ones'. Will be removed.
  private(set) var companions: [[UInt8]] = []

  /// What SQLite appends to a database's name for the files that it keeps beside it.
  static let companionEndings = ["-wal", "-shm", "-journal"].map { Array($0.utf8) }
  private static let databaseMagic = Array("SQLite format 3\0".utf8)
  /// Of the snapshot's files that are as they are to be, those whose names end so.
  private let unchangedCompanions: Set<[UInt8]>

  var isEmpty: Bool { written.isEmpty && preserved.isEmpty && created.isEmpty }

  private final class Listener: RestoreObserver {
    let progress = RestoreProgress()
    let wantsItems = true
    let items = Mutex<[RestoreItem]>([])
    /// Of what is as it is to be, what a database or beside one may be.
    let unchanged = Mutex<[[UInt8]]>([])
    func failed(_ problem: RestoreProblem) {}
    func finished(_ item: RestoreItem) {
      if item.action != .unchanged {
        items.withLock { $0.append(item) }
      } else if !item.isDirectory,
        item.size > 0 && item.size % 512 == 0 || ChangePlan.isCompanion(item.path)
      {
        unchanged.withLock { $0.append(item.path) }
      }
    }
  }

  /// - Parameter movesAside: whether what is in the way is kept under another name, directories too.
  /// - Throws: what the dry run throws; `.io` when the target cannot be looked at, and for what the dry run finds that a
  ///   restore could not do: a directory in the way, for one.
  init(
    _ source: RestoreSource, _ options: RestoreOptions, movesAside: Bool,
    cancellation: CancellationFlag
  ) throws {
    var options = options
    options.dryRun = true
    options.movesAside = movesAside
    let listener = Listener()
    let report = try Restore.run(
      source, options: options, observer: listener, cancellation: cancellation)
    if let problem = report.problems.first {
      throw VarveError(
        problem.kind == .damage ? .damaged : .io,
        "\(EscapedBytes.text(problem.path)): \(problem.message); nothing was changed",
        hint: problem.kind == .damage
          ? "restore another snapshot, or leave the file out with --exclude"
          : "move away what is in the way, restore with --delete, or leave it out with --exclude")
    }
    let items = listener.items.withLock { $0 }
    // With other rules what was left is not what the snapshot has.
    let unchanged = options.overwrite.seesParts ? listener.unchanged.withLock { $0 } : []
    unchangedCompanions = Set(unchanged.filter { Self.isCompanion($0) })
    guard let places = try TargetPlaces(existing: options.target) else {
      created = [[]] + items.map(\.path)
      written = items.filter { !$0.isDirectory }.map(\.path)
      sort()
      return
    }
    for item in items {
      if item.action != .deleted, !item.isDirectory { written.append(item.path) }
      var status = FileStatus()
      guard try places.look(at: item.path, &status) else {
        if item.action != .deleted { created.append(item.path) }
        continue
      }
      preserved.append(item.path)
      guard item.action != .deleted, status.isDirectory != item.isDirectory else { continue }
      if item.isDirectory {
        obstacles.append(item.path)
      } else if status.isDirectory {
        // A file takes the place of a directory with all that is in it.
        try places.forEachBelow(item.path) { path, status in
          guard !status.isMounted(on: places.device) else { throw Self.liesElsewhere(path) }
          preserved.append(path)
        }
      }
    }
    // One that is as the snapshot has it may have newer transactions beside it.
    try addCompanions(of: unchanged, places) { Self.isDatabase($0, in: places) }
  }

  /// Adds what lies beside databases that are restored.
  mutating func addCompanions(
    of databases: [[UInt8]], _ places: TargetPlaces,
    where isMeant: ([UInt8]) -> Bool = { _ in true }
  ) throws {
    let restored = unchangedCompanions.union(written.filter { Self.isCompanion($0) })
    for database in databases {
      let found = try Self.companionEndings.map { database + $0 }.filter { path in
        var status = FileStatus()
        return try !restored.contains(path) && places.look(at: path, &status) && status.isFile
      }
      guard !found.isEmpty, isMeant(database) else { continue }
      companions += found
      preserved += found
    }
    sort()
  }

  private static func isCompanion(_ path: [UInt8]) -> Bool {
    companionEndings.contains { path.count > $0.count && path.suffix($0.count) == $0[...] }
  }

  /// Whether a file begins as SQLite's do.
  static func isDatabase(_ path: [UInt8], in places: TargetPlaces) -> Bool {
    let place = places.parent(of: path)
    guard place.directory >= 0 else { return false }
    let opened = place.name.withName { OpenAt.file(place.directory, $0) }
    guard opened >= 0 else { return false }
    let file = Descriptor(owning: opened)
    var head = [UInt8](repeating: 0, count: databaseMagic.count)
    let count = head.withUnsafeMutableBytes {
      varve_pread(file.number, $0.baseAddress!, $0.count, 0)
    }
    return count == databaseMagic.count && head == databaseMagic
  }

  static func liesElsewhere(_ path: [UInt8]) -> VarveError {
    VarveError(
      .io,
      "\(EscapedBytes.text(path)) lies on another file system than the target, or on another mount of it; nothing was changed",
      hint: "restore that directory on its own, with it as --target, or leave it out with --exclude"
    )
  }

  private mutating func sort() {
    func sorted(_ paths: [[UInt8]]) -> [[UInt8]] {
      Set(paths).sorted { SplitOrder.precedes($0, $1) }
    }
    written = sorted(written)
    preserved = sorted(preserved)
    created = sorted(created)
    companions = sorted(companions)
    obstacles = sorted(obstacles)
  }
}

/// The order of a walk: a directory, then what is in it, then what follows by name.
enum SplitOrder {
  static func precedes(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.lazy.map { $0 == UInt8(ascii: "/") ? 0 : $0 }
      .lexicographicallyPrecedes(b.lazy.map { $0 == UInt8(ascii: "/") ? 0 : $0 })
  }
}
