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

  var isEmpty: Bool { written.isEmpty && preserved.isEmpty && created.isEmpty }

  private final class Listener: RestoreObserver {
    let progress = RestoreProgress()
    let wantsItems = true
    let items = Mutex<[RestoreItem]>([])
    func failed(_ problem: RestoreProblem) {}
    func finished(_ item: RestoreItem) {
      if item.action != .unchanged { items.withLock { $0.append(item) } }
    }
  }

  /// - Throws: what the dry run throws, and `.io` when the target cannot be looked at.
  init(
    _ source: RestoreSource, _ options: RestoreOptions, cancellation: CancellationFlag
  ) throws {
    var options = options
    options.dryRun = true
    let listener = Listener()
    let report = try Restore.run(
      source, options: options, observer: listener, cancellation: cancellation)
    if let problem = report.problems.first {
      throw VarveError(
        .io, "\(EscapedBytes.text(problem.path)): \(problem.message); nothing was changed")
    }
    let items = listener.items.withLock { $0 }
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
      // A file takes the place of a directory with all that is in it.
      if status.isDirectory, !item.isDirectory, item.action != .deleted {
        try places.forEachBelow(item.path) { preserved.append($0) }
      }
    }
    sort()
  }

  /// What SQLite appends to a database's name for the files that it keeps beside it.
  static let companionEndings = ["-wal", "-shm", "-journal"].map { Array($0.utf8) }

  /// The files that a database keeps beside itself are of the old one, and must not be taken for the new one's: not even
  /// where the old one is gone.
  mutating func addCompanions(of databases: [[UInt8]], _ places: TargetPlaces) throws -> [[UInt8]] {
    var found: [[UInt8]] = []
    let written = Set(written)
    let known = Set(preserved)
    for database in databases {
      for ending in Self.companionEndings {
        let path = database + ending
        var status = FileStatus()
        guard !written.contains(path), try places.look(at: path, &status) else { continue }
        found.append(path)
        if !known.contains(path) { preserved.append(path) }
      }
    }
    sort()
    return found
  }

  private mutating func sort() {
    func sorted(_ paths: [[UInt8]]) -> [[UInt8]] {
      Set(paths).sorted { SplitOrder.precedes($0, $1) }
    }
    written = sorted(written)
    preserved = sorted(preserved)
    created = sorted(created)
  }
}

/// The order of a walk: a directory, then what is in it, then what follows by name.
enum SplitOrder {
  static func precedes(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.lazy.map { $0 == UInt8(ascii: "/") ? 0 : $0 }
      .lexicographicallyPrecedes(b.lazy.map { $0 == UInt8(ascii: "/") ? 0 : $0 })
  }
}
