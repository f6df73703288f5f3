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

  /// For messages.
  public let path: String
  let handle: OpaquePointer
  /// Which tables the last `integrityCheck` has read without comparing them with their indexes, and why; nil for none.
  public private(set) var omission: String?
  private let progress: Progress?

  /// Opens the database, which must exist.
  ///
  /// - Parameters:
  ///   - path: UTF-8; see `init(bytes:mode:cancellation:)` for any other.
  ///   - mode: with `readWrite` a database that was not closed well is recovered, as its own program would do.
  ///   - cancellation: ends what takes long.
  /// - Throws: `.notFound` when there is no such file, `.damaged` when it is no database, `.io`.
  public convenience init(path: String, mode: Mode, cancellation: CancellationFlag? = nil) throws {
    try self.init(bytes: Array(path.utf8), mode: mode, cancellation: cancellation)
  }

  /// The same for a path of any bytes, as Linux has them and SQLite hands them on.
  public init(bytes: [UInt8], mode: Mode, cancellation: CancellationFlag? = nil) throws {
    guard !bytes.contains(0) else {
      throw VarveError(.usage, "the path of a database has a zero byte")
    }
    path = ByteText.printable(bytes)
    var handle: OpaquePointer?
    let flags = mode == .readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE
    // A path that begins with a slash or a dot is none of SQLite's URIs.
    let file = bytes.first == UInt8(ascii: "/") ? bytes : Array("./".utf8) + bytes
    func named<Result>(_ suffix: String, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
      (file + Array(suffix.utf8) + [0]).withUnsafeBufferPointer {
        $0.withMemoryRebound(to: CChar.self) { body($0.baseAddress!) }
      }
    }
    let isLogged = mode == .readOnly || named("-wal") { access($0, F_OK) == 0 }
    let status = named("") {
      sqlite3_open_v2($0, &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
    }
    guard let handle, status == SQLITE_OK else {
      defer { sqlite3_close_v2(handle) }
      if named("", { access($0, F_OK) }) != 0 && (errno == ENOENT || errno == ENOTDIR) {
        throw VarveError(
          .notFound, "there is no database \(path)",
          hint: "check the path; SQLite makes no empty database in its place here")
      }
      throw SQLiteFailure.error(status, handle, "cannot open", path)
    }
    self.handle = handle
    progress = cancellation.map(Progress.init)
    if let progress {
      sqlite3_progress_handler(
        handle, 10_000,
        { Unmanaged<Progress>.fromOpaque($0!).takeUnretainedValue().isCancelled ? 1 : 0 },
        Unmanaged.passUnretained(progress).toOpaque())
    }
    sqlite3_busy_timeout(handle, Self.patience)
    _ = varve_sqlite3_configure(handle, SQLITE_DBCONFIG_DEFENSIVE, 1)
    _ = varve_sqlite3_configure(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    // Whose database it is decides when what is in the write-ahead log goes into the file; but the log that comes with this
    // connection goes with it, so that nobody finds one whose owner is another.
    if isLogged { _ = varve_sqlite3_configure(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1) }
    for pragma in ["mmap_size=0", "cell_size_check=ON"] {
      sqlite3_exec(handle, "PRAGMA \(pragma)", nil, nil, nil)
    }
  }

  deinit { sqlite3_close_v2(handle) }

  private final class Progress {
    private let cancellation: CancellationFlag
    init(_ cancellation: CancellationFlag) { self.cancellation = cancellation }
    var isCancelled: Bool { cancellation.isCancelled }
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

  /// Runs `PRAGMA integrity_check`, which reads every page. Where the schema needs what only its own program has, such as a
  /// collation, each table is checked by itself, and of those that need it every row is read; `omission` names them.
  ///
  /// - Returns: what is wrong, at most a hundred lines; nothing when the database is sound.
  /// - Throws: `.io`, `.unavailable`, `.interrupted`. A database in which nothing can be read is a finding, not an error.
  public func integrityCheck() throws -> [String] {
    // The handler is asked only now and then, in a small database never.
    if progress?.isCancelled == true { throw VarveError(.interrupted, "interrupted") }
    omission = nil
    do {
      do {
        return try findings(of: "integrity_check(100)")
      } catch let error as VarveError where error.code == .io && lacksWhatItsProgramHas {
        return try findingsByTable()
      }
    } catch let error as VarveError where error.code == .damaged {
      return [error.message]
    }
  }

  private func findings(of check: String) throws -> [String] {
    let lines = try rows("PRAGMA \(check)").map { $0.first ?? "" }
    return lines == ["ok"] ? [] : lines.isEmpty ? ["the check says nothing"] : lines
  }

  private func findingsByTable() throws -> [String] {
    let reason = String(cString: sqlite3_errmsg(handle))
    var findings: [String] = []
    var omitted: [String] = []
    for table in try tables() {
      do {
        findings += try self.findings(of: "integrity_check(\(Self.quoted(table)))")
      } catch let error as VarveError where error.code == .io && lacksWhatItsProgramHas {
        omitted.append(ByteText.printable(table))
        try readRows(of: table)
      }
    }
    omission = "\(ByteText.printable(reason)) (\(omitted.joined(separator: ", ")))"
    return findings
  }

  /// Whether the last statement needed a collation, a function or a module that is not SQLite's.
  private var lacksWhatItsProgramHas: Bool {
    sqlite3_errcode(handle) & 0xff == SQLITE_ERROR
      && String(cString: sqlite3_errmsg(handle)).hasPrefix("no such ")
  }

  /// - Throws: `.damaged`; nothing for a table that only its program can read.
  private func readRows(of table: String) throws {
    var statement: OpaquePointer?
    let sql = "SELECT * FROM \(Self.quoted(table)) NOT INDEXED"
    defer { sqlite3_finalize(statement) }
    guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else {
      if lacksWhatItsProgramHas { return }
      throw failure(sqlite3_errcode(handle), "cannot read")
    }
    while true {
      let status = sqlite3_step(statement)
      if status == SQLITE_DONE { return }
      guard status == SQLITE_ROW else { throw failure(status, "cannot read") }
    }
  }

  private static func quoted(_ name: String) -> String {
    "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
      + "\""
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
        "\(path) has no table \"\(ByteText.printable(table))\"",
        hint: "it may have another name in this database")
    }
    let text = try rows("SELECT count(*) FROM \(Self.quoted(table))").first?.first
    guard let count = text.flatMap(Int64.init) else {
      throw VarveError(.damaged, "\(path): the rows cannot be counted")
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
