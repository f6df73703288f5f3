import Glibc
import Varve
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveProof
import VarveRepository
import VarveStorage

/// Opens the repository that the global options and the environment name.
struct RepositoryAccess: Sendable {
  /// Which of the repositories of one command.
  enum Side {
    /// The one that the command is about.
    case target
    /// The one from which is copied; nothing is ever written there.
    case source

    fileprivate var prefix: String { self == .target ? "VARVE_" : "VARVE_FROM_" }
    fileprivate var prefixes: PasswordPrompt.Prefixes {
      self == .target ? .init() : .init(option: "--from-", variable: prefix)
    }
    fileprivate var noun: String { self == .target ? "repository" : "source repository" }
  }

  private let global: GlobalOptions
  private let console: Console
  private let environment: ProcessEnvironment
  private let side: Side

  /// - Parameter global: of a source, with what names and unlocks it in the place of what does so for the target.
  init(
    _ global: GlobalOptions, _ console: Console, environment: ProcessEnvironment = .current,
    side: Side = .target
  ) {
    self.side = side
    self.global = global
    self.console = console
    self.environment = environment
  }

  private func variable(_ name: String) -> String? { environment[side.prefix + name] }

  /// The store; nothing is read yet.
  func storage() throws -> any StorageBackend {
    try RepositoryOpening.storage(
      settings(), isInterrupted: { try Interruption.flag.check() },
      note: { [console] in console.note($0) })
  }

  /// Where this client keeps its cache and its state: what the options say comes first, then the configuration, where a command
  /// is about one, then the environment.
  func client(of configuration: Configuration? = nil) throws -> ClientDirectories {
    let standard = ClientDirectories.standard(environment: environment.variables)
    let state = configuration?.stateDirectory ?? environment["VARVE_STATE_DIR"] ?? standard?.state
    guard let state else {
      throw VarveError(
        .usage, "neither HOME nor XDG_STATE_HOME says where to keep the state of the log",
        hint: "set HOME, or XDG_STATE_HOME and XDG_CACHE_HOME")
    }
    let cache =
      global.cacheDir ?? configuration?.cacheDirectory ?? environment["VARVE_CACHE_DIR"]
      ?? standard?.cache
    return ClientDirectories(cache: global.noCache ? nil : cache, state: state)
  }

  /// The repository, without any key.
  func opened() throws -> Repository {
    let storage = try storage()
    return try Repository.open(
      storage: side == .target ? storage : DryRunStorage(storage), client: try? client())
  }

  /// The log of the repository, without any key, with the cosignatures that the user requires.
  func log() throws -> Log { try opening().log() }

  /// The witness policy of the options, else of the environment, if there is one.
  func witnessPolicy() throws -> WitnessPolicy? { try witnessPolicyFile.map(WitnessPolicy.file) }

  /// The repository, unlocked with what the user gives, its log with the cosignatures that are required.
  func unlocked() throws -> UnlockedRepository { try telling { try opening().unlocked() } }

  /// The same for the commands that bring what is required.
  func unlockedWithoutCosignatures() throws -> UnlockedRepository {
    try telling { try opening(requiresCosignatures: false).unlockedWithoutCosignatures() }
  }

  /// Says which repository was opened when the user was asked for what opens it.
  private func telling(_ open: () throws -> UnlockedRepository) throws -> UnlockedRepository {
    let asks = !hasGivenSecret
    let repository = try open()
    if asks { console.note(level: 2, "opened \(repository.config.origin)") }
    return repository
  }

  /// The same, with its index.
  ///
  /// - Parameters:
  ///   - roles: those that can do what the command is about.
  ///   - readsSnapshots: whether it begins with looking at all snapshots.
  func indexed(
    for roles: Set<Role>, to act: String, readsSnapshots: Bool = false
  ) throws -> IndexedRepository {
    let repository = try unlocked()
    guard roles.contains(repository.role) else {
      throw VarveError(
        .forbidden, "a \(repository.role.rawValue) may not \(act)",
        hint: "use a credential of the role "
          + Role.allCases.filter(roles.contains).map(\.rawValue).joined(separator: " or "))
    }
    let indexed = try IndexedRepository(repository, readsSnapshots: readsSnapshots)
    for failure in indexed.failures {
      console.warning("\(failure.message); going on without it, see 'varve check'")
    }
    return indexed
  }

  /// For commands that read what is stored.
  func readable() throws -> IndexedRepository {
    try indexed(for: [.owner, .reader], to: "read what is stored", readsSnapshots: true)
  }

  /// Checks the repository; a damaged one cannot always be opened, so checking begins before that.
  func check(
    options: CheckOptions, observer: any CheckObserver, cancellation: CancellationFlag
  ) throws -> CheckReport {
    try opening().check(options: options, observer: observer, cancellation: cancellation)
  }

  /// What unlocks, from the options, else from the environment, else asked for.
  func secret() throws -> CredentialSecret {
    try opening(requiresCosignatures: false).secret()
  }

  /// What unlocks a new repository; on a terminal it is asked for twice.
  func newSecret() throws -> CredentialSecret {
    if hasGivenSecret || !PasswordPrompt.isPossible { return try secret() }
    return .password(try PasswordPrompt.askTwice("password for the new repository"))
  }
}

// MARK: What the options and the environment say

extension RepositoryAccess {
  private func settings() throws -> RepositorySettings {
    guard let text = global.repository ?? variable("REPOSITORY") else {
      let option = side == .target ? "--repo (-r)" : "--from-repo"
      throw VarveError(
        .usage, "no \(side.noun) is named", hint: "give \(option), or set \(side.prefix)REPOSITORY")
    }
    guard ByteText.isUTF8(RawArgument.bytes(text)) else {
      throw VarveError(.usage, "the \(side.noun)'s path is not UTF-8", hint: "use another path")
    }
    var settings = RepositorySettings(name: side.noun, location: text)
    settings.storage = try global.storage.settings(
      for: text, environment: environment, prefix: side.prefix)
    settings.credential = credential
    settings.witnessPolicyFile = witnessPolicyFile
    return settings
  }

  private func opening(requiresCosignatures: Bool = true) throws -> RepositoryOpening {
    var settings = try settings()
    if requiresCosignatures { settings.maximumCosignatureAge = try maximumCosignatureAge() }
    var opening = RepositoryOpening(
      settings, client: try client(), isInterrupted: { try Interruption.flag.check() },
      note: { [console] in console.note($0) }, warn: { [console] in console.warning($0) })
    opening.isReadOnly = side == .source
    // Always taken out of the environment, also when something else unlocks.
    let password = PasswordVariable(side.prefix + "PASSWORD")
    opening.fallbackSecret = { [side] in
      if let secret = password.secret() { return .password(secret) }
      return .password(try PasswordPrompt.ask("password for the \(side.noun)", side.prefixes))
    }
    return opening
  }

  private var credential: RepositorySettings.Credential? {
    if let file = global.passwordFile { return .passwordFile(file) }
    if let command = global.passwordCommand { return .passwordCommand(command) }
    if let file = global.keyFile ?? variable("KEY_FILE") { return .keyFile(file) }
    if let file = variable("PASSWORD_FILE") { return .passwordFile(file) }
    return variable("PASSWORD_COMMAND").map { .passwordCommand($0) }
  }

  private var witnessPolicyFile: String? { global.witnessPolicy ?? variable("WITNESS_POLICY") }

  private func maximumCosignatureAge() throws -> Int64? {
    var age = global.maxCosignatureAge?.interval
    if age == nil, let text = variable("MAX_COSIGNATURE_AGE") {
      guard let parsed = Interval(text) else {
        throw VarveError(
          .usage, "\(side.prefix)MAX_COSIGNATURE_AGE is no duration",
          hint: "set it to one such as 36h")
      }
      age = parsed
    }
    guard age == nil || witnessPolicyFile != nil else {
      throw VarveError(
        .usage, "an age of cosignatures is required, but no witness is named",
        hint: "give --witness-policy, too")
    }
    return age?.seconds
  }

  private var hasGivenSecret: Bool {
    credential != nil || getenv(side.prefix + "PASSWORD") != nil
  }
}
