import Glibc
import Varve
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveRepository
import VarveStorage
import VarveTestSupport

/// A repository in a directory, and an operator's configuration around it.
final class RunBench {
  let directory = TemporaryDirectory()
  let unlocked: UnlockedRepository
  var configuration = Configuration()
  var profile = Profile(name: "nightly")
  let cancellation = CancellationFlag()

  init() throws {
    mkdir(directory("source"), 0o755)
    mkdir(directory("repository"), 0o700)
    try FileBytes.write(Array("secret".utf8), to: directory("password"))
    var options = InitOptions()
    options.passwordCost = .least
    let storage = LocalStorage(path: directory("repository"))
    try storage.create()
    unlocked = try Repository.initialize(
      storage: storage,
      secret: .password(SecretBytes(copying: Array("secret".utf8))), options: options,
      client: ClientDirectories(cache: nil, state: directory("own state")))
    var settings = RepositorySettings(name: "main", location: directory("repository"))
    settings.credential = .passwordFile(directory("password"))
    configuration.repositories["main"] = settings
    profile.repositories = ["main"]
    profile.host = "test-host"
  }

  func source(_ path: String) -> String { directory("source/" + path) }

  func client(_ host: String = "") -> ClientDirectories {
    ClientDirectories(cache: directory("cache" + host), state: directory("state" + host))
  }

  var journal: RunJournal { RunJournal(client: client()) }

  /// The surroundings of one host; each has its own state.
  func surroundings(_ host: String = "") -> RunSurroundings {
    configuration.profiles = [profile.name: profile]
    return RunSurroundings(
      configuration, client: client(host), cancellation: cancellation,
      note: { _ in }, warn: { _ in })
  }

  @discardableResult
  func run(dryRun: Bool = false) throws -> RunRecord {
    var options = ProfileRun.Options()
    options.dryRun = dryRun
    let records = try ProfileRun(profile, surroundings(), options: options).run()
    guard let record = records.first else { throw VarveError(.io, "nothing was run") }
    return record
  }

  func state() throws -> LogState {
    try unlocked.log.refresh()
    return unlocked.log.state
  }

  func record(of outcome: SourceOutcome?) throws -> SnapshotRecord {
    try unlocked.log.refresh()
    guard let id = outcome?.snapshot else { throw VarveError(.notFound, "nothing was saved") }
    return try unlocked.snapshotRecord(id)
  }

  /// Restores a snapshot's root into a new directory, and gives its path.
  func restore(_ outcome: SourceOutcome?) throws -> String {
    let target = directory("restored-\(UInt32.random(in: 0...UInt32.max))")
    let record = try record(of: outcome)
    let report = try Restore.run(
      IndexedRepository(unlocked), record, options: RestoreOptions(target: Array(target.utf8)))
    guard report.problems.isEmpty else { throw VarveError(.io, "\(report.problems)") }
    return target
  }

  func text(_ path: String) throws -> String {
    String(decoding: try FileBytes.read(path), as: UTF8.self)
  }

  /// A hook that notes in a file what it sees.
  func noting(_ word: String, then script: String = "true") -> CommandSpecification {
    CommandSpecification(
      .shell(
        "echo \(word) $VARVE_EVENT $VARVE_PROFILE $VARVE_RESULT >>\(directory("notes")); \(script)")
    )
  }

  var noted: [String] {
    ((try? text(directory("notes"))) ?? "").split(separator: "\n").map(String.init)
  }
}

extension RunRecord {
  subscript(source: String) -> SourceOutcome? { sources.first { $0.source == source } }
}
