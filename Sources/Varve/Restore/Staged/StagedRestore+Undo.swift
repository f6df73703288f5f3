import CVarveLinux
import Glibc
public import VarveFormat
public import VarveRepository
internal import VarveStorage

extension StagedRestore {
  /// The directory that a safety snapshot was taken of; nil when it is none.
  public static func target(of record: SnapshotRecord) -> [UInt8]? {
    record.tags.contains("safety") && record.meta[PreservedTree.targetKey] != nil
      ? record.paths.first : nil
  }

  /// Puts back what was there before a restore: what it wrote over or removed returns, what it made goes. May be
  /// repeated, and run after a restore or an undo that was killed.
  ///
  /// - Parameter record: of the safety snapshot.
  /// - Throws: `.usage` when it is none; what `Restore.run` throws.
  public static func undo(
    _ repository: IndexedRepository, _ record: SnapshotRecord,
    observer: (any RestoreObserver)? = nil, cancellation: CancellationFlag = CancellationFlag()
  ) throws -> RestoreReport {
    guard let path = target(of: record) else {
      throw VarveError(
        .usage, "that snapshot was not taken by 'varve restore --safety'",
        hint: "see those that were with 'varve snapshots --tag safety'")
    }
    let created = try createdPaths(repository, record)
    var kept: [[UInt8]] = []
    if let places = try TargetPlaces(existing: path) {
      _ = Staging.removeStale(in: places)
      // What it takes from them the restore below gives back, as they are in the snapshot.
      var directories = ChangedDirectories()
      for path in created.reversed() where !path.isEmpty {
        try cancellation.check()
        var code = places.removeName(path)
        if code == EPERM || code == EACCES {
          try directories.open(TargetPlaces.above(path), in: places)
          code = places.removeName(path)
        }
        switch code {
        case 0, ENOENT, ENOTDIR, ELOOP: break
        // Somebody has put something in it, which is no business of the restore.
        case ENOTEMPTY, EEXIST: kept.append(path)
        default:
          throw VarveError(system: code, "cannot remove \(EscapedBytes.text(path))")
        }
      }
    }
    if created.contains([]) {
      // The target itself was made by the restore.
      _ = (path + [0]).withName { varve_unlink(AT_FDCWD, $0, varve_at_removedir) }
      return RestoreReport()
    }
    var options = RestoreOptions(target: path)
    options.subpath = SnapshotPath(path).components
    options.excludes =
      options.subpath.isEmpty ? [[UInt8(ascii: "/")] + PreservedTree.createdName] : []
    options.delete = false
    var report = try Restore.run(
      repository, record, options: options, observer: observer, cancellation: cancellation)
    for path in kept {
      report.warnings.append(
        "\(EscapedBytes.text(path)) stays: it holds what the restore did not make")
    }
    try giveBackTimes(of: path, repository, record)
    return report
  }

  private static func createdPaths(
    _ repository: IndexedRepository, _ record: SnapshotRecord
  ) throws -> [[UInt8]] {
    let reader = try repository.makeReader()
    let place = SnapshotPath(components: [PreservedTree.createdName])
    guard
      case .file(let content)? = try TreeLookup.entry(
        at: place, below: record.rootDirectory, from: reader)?.content
    else { throw VarveError(.damaged, "the safety snapshot has no list of what was new") }
    var text: [UInt8] = []
    try content.forEachChunk(from: reader) { chunk in
      try reader.withChunk(chunk.address) { text.append(contentsOf: $0) }
    }
    return text.split(separator: 0, omittingEmptySubsequences: false).dropLast().map(Array.init)
  }

  /// The target itself is no part of what is restored into it, but its time was changed.
  private static func giveBackTimes(
    of path: [UInt8], _ repository: IndexedRepository, _ record: SnapshotRecord
  ) throws {
    guard !SnapshotPath(path).isRoot,
      let entry = try TreeLookup.entry(
        at: SnapshotPath(path), below: record.rootDirectory, from: try repository.makeReader()),
      let places = try TargetPlaces(existing: path)
    else { return }
    places.giveBackTime(entry.attributes.modified)
  }
}
