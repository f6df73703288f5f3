import CSQLite
import VarveFormat

/// A program that uses a database: each transaction adds an entry and counts it, so that a copy shows which ones it has.
final class SQLiteWriter {
  let path: String
  private var handle: OpaquePointer?

  /// - Parameter journal: of a new database; nil for one that is there.
  init(_ path: String, journal: String?) throws {
    self.path = path
    guard
      sqlite3_open_v2(
        path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nil)
        == SQLITE_OK
    else { throw VarveError(.io, "a test gets no database") }
    sqlite3_busy_timeout(handle, 60_000)
    if let journal {
      try execute("PRAGMA journal_mode=\(journal)")
      try execute("CREATE TABLE entries (id INTEGER PRIMARY KEY, content BLOB)")
      try execute("CREATE TABLE counter (value INTEGER); INSERT INTO counter VALUES (0)")
    }
    // What survives a power loss is not what is tested.
    try execute("PRAGMA synchronous=OFF")
  }

  deinit { sqlite3_close_v2(handle) }

  func execute(_ sql: String) throws {
    let status = sqlite3_exec(handle, sql, nil, nil, nil)
    guard status == SQLITE_OK else {
      throw VarveError(.io, "\(sql): \(String(cString: sqlite3_errmsg(handle)))")
    }
  }

  func commit(bytes: Int = 100) throws {
    try execute(
      """
      BEGIN IMMEDIATE; INSERT INTO entries (content) VALUES (randomblob(\(bytes)));
      UPDATE counter SET value = value + 1; COMMIT
      """)
  }
}
