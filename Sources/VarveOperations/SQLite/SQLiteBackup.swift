// A copy of a database by SQLite's online backup interface, while others write to it.
//
// sqlite3_backup_step copies pages in a read transaction. When another program has written between two steps, the copy
// begins again, and with a writer that never rests it would do so for ever. So:
//
//   WAL:       one read transaction from the first step to the last. Readers and writers do not wait for one another
//              there; the log grows meanwhile.
//   journal:   steps with pauses, in which a writer gets its turn, and begun again up to three times. Then one read
//              transaction for all of them: writers wait until the copy is done, and their own time limits should be longer.
//
// Either way what is copied is the database as one transaction left it.

internal import CSQLite
import CVarveLinux
import Glibc
import VarveFormat
public import VarveRepository
import VarveStorage

extension SQLiteDatabase {
  private static let restartLimit = 3

  /// Copies the database as it is at one moment into a new file, whose mode is 0600.
  ///
  /// - Parameters:
  ///   - path: there must be nothing yet.
  ///   - pagesPerStep: copied before others get their turn.
  /// - Throws: `.io`, `.unavailable` when it stays locked, `.damaged`, `.interrupted`. The new file is removed then.
  public func backUp(
    to path: String, pagesPerStep: Int32 = 1024, cancellation: CancellationFlag? = nil
  ) throws {
    let made = varve_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0o600)
    guard made >= 0 else { throw VarveError(system: -made, "cannot make \(path)") }
    close(made)
    do {
      let copy = try SQLiteDatabase(path: path, mode: .readWrite)
      // Nobody reads it before it is whole, and after a crash it is removed.
      try copy.execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF")
      try copyPages(into: copy, max(1, pagesPerStep), cancellation)
    } catch {
      _ = varve_unlink(AT_FDCWD, path, 0)
      throw error
    }
  }

  private func copyPages(
    into copy: SQLiteDatabase, _ pages: Int32, _ cancellation: CancellationFlag?
  ) throws {
    let isLogged = try rows("PRAGMA journal_mode").first?.first == "wal"
    var isHeld = false
    func hold() throws {
      // A transaction begins with the first thing that is read.
      try execute("BEGIN")
      isHeld = true
      _ = try rows("SELECT count(*) FROM sqlite_schema")
    }
    defer { if isHeld { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) } }
    if isLogged { try hold() }
    guard let backup = sqlite3_backup_init(copy.handle, "main", handle, "main") else {
      throw copy.failure(sqlite3_errcode(copy.handle), "cannot write")
    }
    var isFinished = false
    defer { if !isFinished { sqlite3_backup_finish(backup) } }
    var (remaining, restarts) = (Int32.max, 0)
    while true {
      try cancellation?.check()
      let status = sqlite3_backup_step(backup, pages)
      if status == SQLITE_DONE { break }
      guard status == SQLITE_OK else {
        // What went wrong may lie on either side: the object says it when it ends.
        isFinished = true
        let final = sqlite3_backup_finish(backup)
        throw copy.failure(final == SQLITE_OK ? status : final, "cannot copy \(self.path) into")
      }
      let left = sqlite3_backup_remaining(backup)
      if left >= remaining && !isHeld {
        restarts += 1
        if restarts >= Self.restartLimit { try hold() }
      }
      remaining = left
      if !isHeld { usleep(2_000) }
    }
    isFinished = true
    let status = sqlite3_backup_finish(backup)
    guard status == SQLITE_OK else { throw copy.failure(status, "cannot write") }
  }
}
