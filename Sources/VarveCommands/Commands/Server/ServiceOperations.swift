import Glibc
import Varve
import VarveFormat
import VarveOperations
import VarveProof
import VarveRepository
import VarveServer

/// How the operator's service does what it is asked to: audits and drills here, a restore in a process of its own, so that
/// what it takes of memory and files is its own, too.
struct ServiceOperations: Sendable {
  private static let restoreSeconds = 7.0 * 86_400

  private let configuration: Configuration
  private let client: ClientDirectories
  private let warn: @Sendable (String) -> Void

  init(
    _ configuration: Configuration, client: ClientDirectories,
    warn: @escaping @Sendable (String) -> Void
  ) {
    self.configuration = configuration
    self.client = client
    self.warn = warn
  }

  var actions: ServiceActions {
    ServiceActions(
      restore: { try restore($0, $1, $2) }, drill: { try drill($0, $1, $2, $3) },
      audit: { try audit($0, $1, $2) })
  }

  private func opening(
    _ name: String, _ cancellation: CancellationFlag
  ) throws -> RepositoryOpening {
    guard let settings = configuration.repositories[name] else {
      throw VarveError(.notFound, "there is no repository '\(ByteText.printable(name))'")
    }
    return RepositoryOpening(
      settings, client: client, isInterrupted: { try cancellation.check() }, note: { _ in })
  }

  // MARK: Audits

  private func audit(
    _ name: String, _ cancellation: CancellationFlag, _ progress: @escaping ServiceActions.Progress
  ) throws -> ServiceActions.Outcome {
    let opening = try opening(name, cancellation)
    var options = AuditOptions()
    options.client = client
    options.trust = try opening.timeTrust()
    options.cancellation = cancellation
    progress("verifying the log")
    let report = try Audit.run(storage: try opening.storage(), options: options)
    let summary =
      report.broken.first.map { "\($0.kind.rawValue): \($0.message)" }
      ?? "\(HumanText.count(report.head.size, "entry", "entries")) verified, every link holds; "
      + HumanText.count(report.notices.count, "notice")
    return ServiceActions.Outcome(
      isGood: report.holds, summary: summary,
      details: .object([
        "holds": .bool(report.holds), "size": .integer(Int64(clamping: report.head.size)),
        "broken": .array(report.broken.prefix(100).map { .string($0.message) }),
        "notices": .array(report.notices.prefix(100).map { .string($0.message) }),
      ]))
  }

  // MARK: Drills

  private func drill(
    _ profileName: String, _ drillName: String, _ cancellation: CancellationFlag,
    _ progress: @escaping ServiceActions.Progress
  ) throws -> ServiceActions.Outcome {
    guard let profile = configuration.profiles[profileName],
      let drill = profile.drills.first(where: { $0.name == drillName })
    else { throw VarveError(.notFound, "there is no such drill") }
    let operation = DrillOperation(
      configuration, client: client, cancellation: cancellation, note: progress, warn: warn)
    let outcome = try operation.run(
      drill, of: profile,
      options: DrillRun.Options(
        base: DrillDirectory.standardBase(ProcessEnvironment.current.variables)),
      observe: { progress("\($0.kind.rawValue) \($0.subject)") })
    let record = outcome.record
    let time = HumanText.span(record.milliseconds / 1_000)
    return ServiceActions.Outcome(
      isGood: record.hasPassed,
      summary: record.hasPassed
        ? "passed in \(time), \(HumanText.count(record.files, "file")) restored"
        : record.summary ?? "failed",
      details: .object([
        "passed": .bool(record.hasPassed), "milliseconds": .integer(record.milliseconds),
        "failures": .array(record.failures.map { .string("\($0.kind.rawValue): \($0.subject)") }),
      ]))
  }

  // MARK: Restores

  private func restore(
    _ order: ServiceActions.Restore, _ cancellation: CancellationFlag,
    _ progress: @escaping ServiceActions.Progress
  ) throws -> ServiceActions.Outcome {
    let opening = try opening(order.repository, cancellation)
    guard let profile = configuration.profiles[order.profile] else {
      throw VarveError(.notFound, "there is no such profile")
    }
    let (snapshot, directory) = try Self.snapshot(order, of: profile, in: try opening.indexed())
    let target = order.target ?? directory
    progress("restoring \(snapshot.hex.prefix(8)) to \(ByteText.printable(target))")
    var command = CommandSpecification(
      .arguments(
        [
          try Self.program(), "restore", "\(snapshot.hex):\(directory)", "--target", target,
          "--safety", "--json",
        ] + Self.arguments(opening.settings)))
    command.timeout = Self.restoreSeconds
    // It reads no configuration, which may have its own directories.
    var directories = ["VARVE_STATE_DIR": client.state]
    directories["VARVE_CACHE_DIR"] = client.cache
    func run() throws -> CommandOutcome {
      try CommandRun.run(
        command, environment: directories, outputLimit: 1 << 20, cancellation: cancellation)
    }
    // Elsewhere nothing live is written over: the interface has refused targets that overlap what the profile saves.
    guard order.target == nil else {
      return Self.outcome(of: try run(), snapshot, target, [])
    }
    let hooks = HookRun(
      profile,
      RunSurroundings(
        configuration, client: client, cancellation: cancellation, note: progress, warn: warn))
    let (outcome, failures) = try hooks.aroundRestore(isGood: \.isSuccess, run)
    return Self.outcome(of: outcome, snapshot, target, failures)
  }

  /// - Parameter failures: of hooks after it: a service may not be up again.
  private static func outcome(
    of outcome: CommandOutcome, _ snapshot: Digest, _ target: String, _ failures: [String]
  ) -> ServiceActions.Outcome {
    let last = outcome.output.split(separator: 0x0a).last.map(Array.init) ?? []
    let details = (try? JSONText.value(last)) ?? .null
    return ServiceActions.Outcome(
      isGood: outcome.isSuccess && failures.isEmpty,
      summary: ([
        failure(of: outcome)
          ?? "restored \(snapshot.hex.prefix(8)) to \(ByteText.printable(target))"
      ] + failures).joined(separator: "; "),
      details: details)
  }

  /// What the command itself says why it failed, by its last line; else how it ended.
  private static func failure(of outcome: CommandOutcome) -> String? {
    guard case .exited(let status) = outcome.ending, status != 0,
      let last = outcome.errors.split(separator: 0x0a).last,
      let message = try? JSONText.value(Array(last)).string("message")
    else { return outcome.failure }
    return ByteText.printable(message)
  }

  /// What the order names, among complete snapshots of that source, and the directory that the source is, or lies in.
  private static func snapshot(
    _ order: ServiceActions.Restore, of profile: Profile, in repository: IndexedRepository
  ) throws -> (Digest, directory: String) {
    let chosen = try SourceHistory(
      profile: profile, source: order.source, in: repository.unlocked
    ).snapshot(named: order.snapshot)
    let record = try repository.unlocked.snapshotRecord(chosen)
    guard record.paths.count == 1, let path = record.paths.first else {
      throw VarveError(.notFound, "the snapshot \(chosen.hex.prefix(8)) is not of one path")
    }
    var place = SnapshotPath(path)
    let entry = try TreeLookup.entry(
      at: place, below: record.rootDirectory, from: try repository.makeReader())
    if let entry, entry.type != .directory {
      place = SnapshotPath(components: place.components.dropLast())
    }
    guard let directory = String(validating: place.bytes, as: UTF8.self) else {
      throw VarveError(.usage, "the source's path is not UTF-8", hint: "run 'varve restore'")
    }
    return (chosen, directory)
  }

  private static func program() throws -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    guard count > 0, count < buffer.count else {
      throw VarveError(.io, "this program does not know where it is")
    }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// A repository as the options of a command name it; what unlocks stays in its file.
  static func arguments(_ settings: RepositorySettings) -> [String] {
    var arguments = ["--repo", settings.location]
    switch settings.credential {
    case .passwordFile(let file): arguments += ["--password-file", file]
    case .passwordCommand(let command): arguments += ["--password-command", command]
    case .keyFile(let file): arguments += ["--key-file", file]
    case nil: break
    }
    func add(_ name: String, _ value: String?) {
      if let value { arguments += [name, value] }
    }
    add("--cache-dir", settings.cacheDirectory)
    add("--witness-policy", settings.witnessPolicyFile)
    add("--max-cosignature-age", settings.maximumCosignatureAge.map { "\($0)s" })
    add("--connections", settings.storage.connections.map { "\($0)" })
    add("--limit-upload", settings.storage.uploadLimit.map { "\($0)" })
    add("--limit-download", settings.storage.downloadLimit.map { "\($0)" })
    add("--retry-limit", settings.storage.retryLimit.map { "\(Int64($0))s" })
    add("--cacert", settings.storage.authorities)
    add("--server-token-file", settings.storage.serverTokenFile)
    for (name, value) in settings.storage.special.sorted(by: { $0.key < $1.key }) {
      add("--option", "\(name)=\(value)")
    }
    return arguments
  }
}
