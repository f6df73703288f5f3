import CSQLite
import Glibc
import Varve
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveRepository
import VarveStorage
import VarveTestSupport

/// A repository in a directory, sources beside it, and runs of a profile as they mark their snapshots.
final class OperationsBench {
  let directory = TemporaryDirectory()
  let profile = "nightly"
  private(set) var indexed: IndexedRepository

  var repositoryPath: String { directory("repository") }
  var client: ClientDirectories {
    ClientDirectories(cache: directory("cache"), state: directory("state"))
  }

  init() throws {
    mkdir(directory("source"), 0o755)
    mkdir(directory("drills"), 0o755)
    mkdir(directory("repository"), 0o755)
    try FileBytes.write(Array("secret".utf8), to: directory("password"))
    var options = InitOptions()
    options.passwordCost = .least
    let unlocked = try Repository.initialize(
      storage: LocalStorage(path: directory("repository")),
      secret: .password(SecretBytes(copying: Array("secret".utf8))), options: options,
      client: ClientDirectories(cache: directory("cache"), state: directory("state")))
    indexed = try IndexedRepository(unlocked)
  }

  func source(_ path: String) -> String { directory("source/" + path) }

  func write(_ bytes: [UInt8], to path: String) throws {
    let parts = path.split(separator: "/").dropLast()
    var parent = directory("source")
    for part in parts {
      parent += "/" + part
      mkdir(parent, 0o755)
    }
    try FileBytes.write(bytes, to: source(path))
  }

  func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

  /// Runs statements on a database, which is made when it is not there.
  func sqlite(_ path: String, _ statements: String) throws {
    try write([], to: path + ".made")
    unlink(source(path + ".made"))
    var handle: OpaquePointer?
    defer { sqlite3_close_v2(handle) }
    guard sqlite3_open(source(path), &handle) == SQLITE_OK,
      sqlite3_exec(handle, statements, nil, nil, nil) == SQLITE_OK
    else { throw VarveError(.io, "a test's database: \(String(cString: sqlite3_errmsg(handle)))") }
  }

  /// A database with a table of so many rows.
  func database(_ path: String, table: String, rows: Int) throws {
    try sqlite(
      path,
      """
      CREATE TABLE \(table) (id INTEGER PRIMARY KEY, text TEXT);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(rows))
        INSERT INTO \(table) (text) SELECT hex(randomblob(40)) FROM n;
      """)
  }

  /// Backs up a path below the sources, as a run of the profile does.
  @discardableResult
  func backUp(_ path: String, source name: String, at time: Timestamp? = nil) throws -> BackupReport
  {
    var options = BackupOptions(source: .paths([Array(source(path).utf8)]))
    options.meta = ["profile": profile, "source": name, "set": String(repeating: "0", count: 32)]
    options.time = time
    let report = try Backup.run(indexed, options: options)
    indexed = try IndexedRepository(indexed.unlocked)
    return report
  }

  func outcome(ofBackup path: String, previous: SourceOutcome?) throws -> SourceOutcome {
    let counts = try backUp(path, source: path).counts
    var outcome = SourceOutcome(source: path, result: .success)
    outcome.files = Int64(counts.filesProcessed)
    outcome.filesNew = Int64(counts.filesNew)
    outcome.filesChanged = Int64(counts.filesChanged)
    outcome.bytes = Int64(counts.bytesProcessed)
    outcome.bytesAdded = Int64(counts.dataAdded)
    outcome.bytesStored = Int64(counts.dataAddedPacked)
    if let previous {
      outcome.filesRemoved = max(0, previous.files - (outcome.files - outcome.filesNew))
    }
    return outcome
  }

  func profile(_ sources: [String], _ drills: [Drill] = []) -> Profile {
    var profile = Profile(name: profile)
    profile.repositories = ["local"]
    profile.sources = sources.map { Source(name: $0, origin: .path(source($0))) }
    profile.drills = drills
    return profile
  }

  func configuration(_ profile: Profile) -> Configuration {
    var configuration = Configuration()
    var settings = RepositorySettings(name: "local", location: repositoryPath)
    settings.credential = .passwordFile(directory("password"))
    configuration.repositories = ["local": settings]
    configuration.profiles = [profile.name: profile]
    return configuration
  }
}

extension FileBytes {
  static func text(_ path: String) throws -> String {
    String(decoding: try read(path), as: UTF8.self)
  }
}
