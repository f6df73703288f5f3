import CVarveLinux
import Glibc
import VarveFormat
import VarveRepository
import VarveStorage

/// A copy of a database.
struct DatabaseCopy {
  /// Where it is, with mode, owner and time of the original as far as the system allows.
  let path: String
  /// What it lacks.
  let problems: [String]
  /// Whether it has no table, nor anything else: what is left of a file that was cut off at its beginning.
  let isEmpty: Bool
  /// Which of its tables were not compared with their indexes, and why.
  let omission: String?
}

/// Copies a SQLite database that is in use into a staging directory.
enum DatabaseCapture {
  /// Beside the pages, for what SQLite writes beside a copy.
  private static let reserve: UInt64 = 4 << 20

  /// Makes a copy that has passed `PRAGMA integrity_check`.
  ///
  /// - Parameter path: absolute.
  /// - Throws: `.damaged` when the copy does not pass, `.notFound`, `.unavailable`, `.io`, `.interrupted`.
  static func copy(
    _ path: String, into staging: StagingDirectory, cancellation: CancellationFlag
  ) throws -> DatabaseCopy {
    let name = ByteText.printable(path)
    var status = varve_status()
    let result = varve_statx(AT_FDCWD, path, 0, &status)
    if result == 0 && status.mode & S_IFMT != S_IFREG {
      throw VarveError(
        .usage, "\(name) is no file, and so no database",
        hint: "name the database's own file; a directory is a source of the kind 'path'")
    }
    let log = logStatus(path)
    let wanted = status.size &+ (log?.size ?? 0) &+ Self.reserve
    guard staging.room >= wanted else {
      throw VarveError(
        .io,
        "there is no room for a copy of \(name) (\(HumanText.bytes(wanted))) in \(staging.path)",
        hint: "free some space there, or put the cache on a larger disk (XDG_CACHE_HOME)")
    }
    let place = try staging.place(for: path)
    do {
      let database = try SQLiteDatabase(path: path, mode: .readWrite, cancellation: cancellation)
      try database.backUp(to: place, cancellation: cancellation)
    }
    // With a connection of its own: what counts is what the file has.
    let copy = try SQLiteDatabase(path: place, mode: .readWrite, cancellation: cancellation)
    let findings = try copy.integrityCheck()
    guard findings.isEmpty else {
      let lines = findings.prefix(3).map(ByteText.printable).joined(separator: "; ")
      throw VarveError(
        .damaged, "\(name) does not pass its integrity check: \(lines)",
        hint: "nothing was saved of it; restore it from an earlier snapshot, or repair it")
    }
    let isEmpty = try copy.rows("SELECT 1 FROM sqlite_schema LIMIT 1").isEmpty
    var modified = (status.modified_seconds, status.modified_nanoseconds)
    if let log, (log.modified_seconds, log.modified_nanoseconds) > modified {
      modified = (log.modified_seconds, log.modified_nanoseconds)
    }
    let problems = staging.adoptMetadata(of: path, at: place, modified: modified)
    return DatabaseCopy(
      path: place, problems: problems, isEmpty: isEmpty, omission: copy.omission)
  }

  /// Of the write-ahead log, whose changes are in the copy, too.
  private static func logStatus(_ path: String) -> varve_status? {
    var status = varve_status()
    return varve_statx(AT_FDCWD, path + "-wal", 0, &status) == 0 ? status : nil
  }
}
