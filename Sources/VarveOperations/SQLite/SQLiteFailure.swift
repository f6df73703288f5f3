internal import CSQLite
import VarveFormat

/// SQLite's result codes as errors.
enum SQLiteFailure {
  /// - Parameter path: as a message has it.
  static func error(
    _ status: Int32, _ handle: OpaquePointer?, _ act: String, _ path: String
  ) -> VarveError {
    // Without a handle there was no memory for one.
    let text = String(cString: handle.map { sqlite3_errmsg($0) } ?? sqlite3_errstr(status))
    let message = "\(act) the database \(path): \(ByteText.printable(text))"
    switch status & 0xff {
    case SQLITE_CORRUPT, SQLITE_NOTADB:
      return VarveError(
        .damaged, message,
        hint: "if it is encrypted, have its own program copy it; if not, it is damaged: restore it")
    case SQLITE_BUSY, SQLITE_LOCKED:
      return VarveError(
        .unavailable, message, hint: "another program holds it locked; try again when that is done")
    case SQLITE_INTERRUPT:
      return VarveError(.interrupted, "interrupted", hint: "run the same command again")
    case SQLITE_FULL:
      return VarveError(.io, message, hint: "free some space there")
    case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH:
      return VarveError(
        .io, message,
        hint: "in WAL mode SQLite must be able to write beside it: run this as the database's owner"
      )
    default:
      return VarveError(.io, message)
    }
  }
}
