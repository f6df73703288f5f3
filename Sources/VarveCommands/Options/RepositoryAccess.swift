import Glibc
import Synchronization
import Varve
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage

/// Opens the repository that the global options and the environment name.
struct RepositoryAccess {
  /// Which of the repositories of one command.
  enum Side {
    /// The one that the command is about.
    case target
    /// The one from which is copied; nothing is ever written there.
    case source

    fileprivate var prefix: String { self == .target ? "VARVE_" : "VARVE_FROM_" }
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
    guard let text = global.repository ?? variable("REPOSITORY") else {
      let option = side == .target ? "--repo (-r)" : "--from-repo"
      throw VarveError(
        .usage, "no \(side.noun) is named", hint: "give \(option), or set \(side.prefix)REPOSITORY")
    }
    guard ByteText.isUTF8(RawArgument.bytes(text)) else {
      throw VarveError(.usage, "the \(side.noun)'s path is not UTF-8", hint: "use another path")
    }
    let opening = try StorageOpening(
      global.storage, environment: environment, prefix: side.prefix,
      isInterrupted: { try Interruption.flag.check() },
      onRetry: { [console] error, pause in
        // What is over in a moment is no news.
        guard pause >= 1 else { return }
        console.note("\(ByteText.printable(error.message)); asking again in \(Int(pause)) s")
      })
    return try opening.open(text)
  }

  /// Where this client keeps its cache and its state.
  func client() throws -> ClientDirectories {
    guard var client = ClientDirectories.standard(environment: environment.variables) else {
      throw VarveError(
        .usage, "neither HOME nor XDG_STATE_HOME says where to keep the state of the log",
        hint: "set HOME, or XDG_STATE_HOME and XDG_CACHE_HOME")
    }
    if let directory = global.cacheDir ?? environment["VARVE_CACHE_DIR"] {
      client.cache = directory
    }
    if global.noCache { client.cache = nil }
    return client
  }

  /// The repository, without any key.
  func opened() throws -> Repository {
    let storage = try storage()
    return try Repository.open(storage: side == .target ? storage : DryRunStorage(storage))
  }

  /// The log of the repository, without any key, with the cosignatures that the user requires.
  func log() throws -> Log {
    let log = try opened().openLog(client: try client())
    try cosignatureRequirement()?.check(log, now: WallClock.now())
    return log
  }

  /// The witness policy of the options, else of the environment, if there is one.
  func witnessPolicy() throws -> WitnessPolicy? {
    guard let path = global.witnessPolicy ?? variable("WITNESS_POLICY") else { return nil }
    return try WitnessPolicy(
      SmallFile.bytes(at: path), ByteText.printable(RawArgument.bytes(path)))
  }

  /// Which cosignatures a log must have to be believed; nil when none are required.
  private func cosignatureRequirement() throws -> CosignatureRequirement? {
    let age: IntervalArgument?
    if let given = global.maxCosignatureAge {
      age = given
    } else if let text = variable("MAX_COSIGNATURE_AGE") {
      guard let parsed = IntervalArgument(argument: text) else {
        throw VarveError(
          .usage, "\(side.prefix)MAX_COSIGNATURE_AGE is no duration",
          hint: "set it to one such as 36h")
      }
      age = parsed
    } else {
      age = nil
    }
    guard let policy = try witnessPolicy() else {
      guard age == nil else {
        throw VarveError(
          .usage, "an age of cosignatures is required, but no witness is named",
          hint: "give --witness-policy, too")
      }
      return nil
    }
    return CosignatureRequirement(
      policy: policy, maximumAge: age.map { Int64(clamping: $0.nanoseconds / 1_000_000_000) })
  }

  /// The repository, unlocked with what the user gives, its log with the cosignatures that are required.
  func unlocked() throws -> UnlockedRepository {
    let requirement = try cosignatureRequirement()
    let repository = try unlockedWithoutCosignatures()
    try requirement?.check(repository.log, now: WallClock.now())
    return repository
  }

  /// The same for the commands that bring what is required.
  func unlockedWithoutCosignatures() throws -> UnlockedRepository {
    let repository = try opened()
    let client = try client()
    let asks = !hasGivenSecret
    let unlocked = try repository.unlock(try secret(), client: client)
    if asks { console.note(level: 2, "opened \(repository.config.origin)") }
    if let failure = unlocked.log.derivedDataFailure {
      console.warning("\(failure.message); nothing depends on it")
    }
    return unlocked
  }

  /// The same, with its index.
  ///
  /// - Parameter roles: those that can do what the command is about.
  func indexed(for roles: Set<Role>, to act: String) throws -> IndexedRepository {
    let repository = try unlocked()
    guard roles.contains(repository.role) else {
      throw VarveError(
        .forbidden, "a \(repository.role.rawValue) may not \(act)",
        hint: "use a credential of the role "
          + Role.allCases.filter(roles.contains).map(\.rawValue).joined(separator: " or "))
    }
    return try IndexedRepository(repository)
  }

  /// For commands that read what is stored.
  func readable() throws -> IndexedRepository {
    try indexed(for: [.owner, .reader], to: "read what is stored")
  }

  /// Checks the repository; a damaged one cannot always be opened, so checking begins before that.
  func check(
    options: CheckOptions, observer: any CheckObserver, cancellation: CancellationFlag
  ) throws -> CheckReport {
    let storage = try storage()
    let client = try client()
    if try storage.size(ObjectName.config) == nil { _ = try Repository.open(storage: storage) }
    let requirement = try cosignatureRequirement()
    let secret = try secret()
    return try Check.run(
      storage: storage, client: client, options: options, observer: observer,
      cancellation: cancellation
    ) {
      let repository = try $0.unlock(secret, client: client)
      try requirement?.check(repository.log, now: WallClock.now())
      return repository
    }
  }

  /// What unlocks, from the options, else from the environment, else asked for.
  func secret() throws -> CredentialSecret {
    // Always taken out of the environment, also when something else unlocks.
    let password = takePasswordVariable()
    if let file = global.passwordFile { return .password(try SecretFile.password(at: file)) }
    if let command = global.passwordCommand {
      return .password(try SecretFile.password(command: command))
    }
    if let file = global.keyFile { return .keyText(try SecretFile.keyText(at: file)) }
    if let file = variable("KEY_FILE") {
      return .keyText(try SecretFile.keyText(at: file))
    }
    if let file = variable("PASSWORD_FILE") {
      return .password(try SecretFile.password(at: file))
    }
    if let command = variable("PASSWORD_COMMAND") {
      return .password(try SecretFile.password(command: command))
    }
    if let password { return .password(password) }
    return .password(try PasswordPrompt.ask("password for the \(side.noun)"))
  }

  /// What unlocks a new repository; on a terminal it is asked for twice.
  func newSecret() throws -> CredentialSecret {
    if hasGivenSecret || !PasswordPrompt.isPossible { return try secret() }
    return .password(try PasswordPrompt.askTwice("password for the new repository"))
  }

  private var hasGivenSecret: Bool {
    global.passwordFile != nil || global.passwordCommand != nil || global.keyFile != nil
      || variable("KEY_FILE") != nil || variable("PASSWORD_FILE") != nil
      || variable("PASSWORD_COMMAND") != nil || getenv(side.prefix + "PASSWORD") != nil
  }

  private func takePasswordVariable() -> SecretBytes? {
    var secret: SecretBytes?
    _ = ProcessEnvironment.takeSecret(side.prefix + "PASSWORD") { bytes in
      if !bytes.isEmpty { secret = SecretBytes(copying: bytes) }
    }
    return secret
  }
}
