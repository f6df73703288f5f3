internal import CSQLite
import Glibc
import VarveFormat
public import VarveRepository

/// A SQLite database of somebody else's: copied while others write to it, and examined.
///
/// What is in the file is not trusted: its schema may call no functions that do anything (`TRUSTED_SCHEMA` off,
/// `DEFENSIVE` on), it is never mapped into memory, and SQLite checks each cell. Used by one thread at a time.
public final class SQLiteDatabase {
  public enum Mode: Sendable {
    case readOnly
    case readWrite
  }

  /// How long others may hold a lock that is needed, in milliseconds.
  private static let patience: Int32 = 30_000

  public let path: String
  let handle: OpaquePointer
  private let progress: Progress?

  /// Opens the database, which must exist.
  ///
  /// - Parameters:
  ///   - mode: with `readWrite` a database that was not closed well is recovered, as its own program would do.
  ///   - cancellation: ends what takes long.
  /// - Throws: `.notFound` when there is no such file, `.damaged` when it is no database, `.io`.
  public init(path: String, mode: Mode, cancellation: CancellationFlag? = nil) throws {
    guard !path.utf8.contains(0) else {
      throw VarveError(.usage, "the path of a database has a zero byte")
    }
    self.path = path
    var handle: OpaquePointer?
    let access = mode == .readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE
    // A path that begins with a slash or a dot is none of SQLite's URIs.
    let file = path.hasPrefix("/") ? path : "./" + path
    let status = sqlite3_open_v2(
      file, &handle, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
    guard let handle, status == SQLITE_OK else {
      defer { sqlite3_close_v2(handle) }
      var file = stat()
      if stat(path, &file) != 0 && (errno == ENOENT || errno == ENOTDIR) {
        throw VarveError(
          .notFound, "there is no database \(ByteText.printable(path))",
          hint: "check the path; SQLite makes no empty database in its place here")
      }
      throw SQLiteFailure.error(status, handle, "cannot open", path)
    }
    self.handle = handle
    progress = cancellation.map(Progress.init)
    if let progress {
      sqlite3_progress_handler(
        handle, 1_000,
        { Unmanaged<Progress>.fromOpaque($0!).takeUnretainedValue().isCancelled ? 1 : 0 },
        Unmanaged.passUnretained(progress).toOpaque())
    }
    sqlite3_busy_timeout(handle, Self.patience)
    _ = varve_sqlite3_configure(handle, SQLITE_DBCONFIG_DEFENSIVE, 1)
    _ = varve_sqlite3_configure(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    // Whose database it is decides when what is in the write-ahead log goes into the file.
    _ = varve_sqlite3_configure(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    for pragma in ["mmap_size=0", "cell_size_check=ON"] {
      sqlite3_exec(handle, "PRAGMA \(pragma)", nil, nil, nil)
    }
  }

  deinit { sqlite3_close_v2(handle) }

  private final class Progress {
    private let cancellation: CancellationFlag
    init(_ cancellation: CancellationFlag) { self.cancellation = cancellation }
    var isCancelled: Bool { cancellation.isCancelled }
    func check() throws { try cancellation.check() }
  }

  /// Whether a file begins as SQLite's databases do. An empty file, which SQLite takes for an empty database, does not.
  public static func isDatabase(path: String) -> Bool {
    let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    let magic = Array("SQLite format 3\0".utf8)
    var start = [UInt8](repeating: 0, count: magic.count)
    return pread(file, &start, start.count, 0) == start.count && start == magic
  }

  // MARK: Questions

  /// Runs `PRAGMA integrity_check`, which reads every page.
  ///
  /// - Returns: what is wrong, at most a hundred lines; nothing when the database is sound.
  /// - Throws: `.io`, `.unavailable`, `.interrupted`. A database in which nothing can be read is a finding, not an error.
  public func integrityCheck() throws -> [String] {
    try progress?.check()
    do {
      let lines = try rows("PRAGMA integrity_check(100)").map { $0.first ?? "" }
      return lines == ["ok"] ? [] : lines.isEmpty ? ["the check says nothing"] : lines
    } catch let error as VarveError where error.code == .damaged {
      return [error.message]
    }
  }

  /// The names of its tables, without SQLite's own, ascending.
  public func tables() throws -> [String] {
    try rows(
      """
      SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
      ORDER BY name
      """
    ).compactMap(\.first)
  }

  /// - Throws: `.notFound` when there is no such table.
  public func rowCount(of table: String) throws -> Int64 {
    guard try tables().contains(table) else {
      throw VarveError(
        .notFound,
        "\(ByteText.printable(path)) has no table \"\(ByteText.printable(table))\"",
        hint: "it may have another name in this database")
    }
    let name = table.split(separator: "\"", omittingEmptySubsequences: false).joined(
      separator: "\"\"")
    let text = try rows("SELECT count(*) FROM \"\(name)\"").first?.first
    guard let count = text.flatMap(Int64.init) else {
      throw VarveError(.damaged, "\(ByteText.printable(path)): the rows cannot be counted")
    }
    return count
  }

  /// What a statement gives, each value as text; at most a hundred thousand rows.
  package func rows(_ sql: String) throws -> [[String]] {
    var statement: OpaquePointer?
    let prepared = sqlite3_prepare_v2(handle, sql, -1, &statement, nil)
    defer { sqlite3_finalize(statement) }
    guard prepared == SQLITE_OK else { throw failure(prepared, "cannot read") }
    var rows: [[String]] = []
    while rows.count < 100_000 {
      let status = sqlite3_step(statement)
      if status == SQLITE_DONE { break }
      guard status == SQLITE_ROW else { throw failure(status, "cannot read") }
      rows.append(
        (0..<sqlite3_column_count(statement)).map { column in
          guard let text = sqlite3_column_text(statement, column) else { return "" }
          let count = Int(sqlite3_column_bytes(statement, column))
          return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
        })
    }
    return rows
  }

  /// Runs statements that give nothing.
  func execute(_ sql: String) throws {
    let status = sqlite3_exec(handle, sql, nil, nil, nil)
    guard status == SQLITE_OK else { throw failure(status, "cannot use") }
  }

  func failure(_ status: Int32, _ act: String) -> VarveError {
    SQLiteFailure.error(status, handle, act, path)
  }
}
