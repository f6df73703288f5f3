import Glibc
import Synchronization
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

/// Opens the repository that the global options and the environment name.
struct RepositoryAccess {
  private let global: GlobalOptions
  private let console: Console
  private let environment: ProcessEnvironment

  init(
    _ global: GlobalOptions, _ console: Console, environment: ProcessEnvironment = .current
  ) {
    self.global = global
    self.console = console
    self.environment = environment
  }

  /// The store; nothing is read yet.
  func storage() throws -> LocalStorage {
    guard let text = global.repository ?? environment["VARVE_REPOSITORY"] else {
      throw VarveError(
        .usage, "no repository is named", hint: "give --repo (-r), or set VARVE_REPOSITORY")
    }
    guard ByteText.isUTF8(RawArgument.bytes(text)) else {
      throw VarveError(.usage, "the repository's path is not UTF-8", hint: "use another path")
    }
    let path = text.hasPrefix("local:") ? String(text.dropFirst(6)) : text
    return LocalStorage(path: path)
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
  func opened() throws -> Repository { try Repository.open(storage: try storage()) }

  /// The repository, unlocked with what the user gives.
  func unlocked() throws -> UnlockedRepository {
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
    let secret = try secret()
    return try Check.run(
      storage: storage, client: client, options: options, observer: observer,
      cancellation: cancellation
    ) { try $0.unlock(secret, client: client) }
  }

  /// What unlocks, from the options, else from the environment, else asked for.
  func secret() throws -> CredentialSecret {
    // Always taken out of the environment, also when something else unlocks.
    let variable = Self.takePasswordVariable()
    if let file = global.passwordFile { return .password(try SecretFile.password(at: file)) }
    if let command = global.passwordCommand {
      return .password(try SecretFile.password(command: command))
    }
    if let file = global.keyFile { return .keyText(try SecretFile.keyText(at: file)) }
    if let file = environment["VARVE_KEY_FILE"] {
      return .keyText(try SecretFile.keyText(at: file))
    }
    if let file = environment["VARVE_PASSWORD_FILE"] {
      return .password(try SecretFile.password(at: file))
    }
    if let command = environment["VARVE_PASSWORD_COMMAND"] {
      return .password(try SecretFile.password(command: command))
    }
    if let variable { return .password(variable) }
    return .password(try PasswordPrompt.ask("password for the repository"))
  }

  /// What unlocks a new repository; on a terminal it is asked for twice.
  func newSecret() throws -> CredentialSecret {
    if hasGivenSecret || !PasswordPrompt.isPossible { return try secret() }
    return .password(try PasswordPrompt.askTwice("password for the new repository"))
  }

  private var hasGivenSecret: Bool {
    global.passwordFile != nil || global.passwordCommand != nil || global.keyFile != nil
      || environment["VARVE_KEY_FILE"] != nil || environment["VARVE_PASSWORD_FILE"] != nil
      || environment["VARVE_PASSWORD_COMMAND"] != nil || getenv("VARVE_PASSWORD") != nil
  }

  private static func takePasswordVariable() -> SecretBytes? {
    var secret: SecretBytes?
    _ = ProcessEnvironment.takeSecret("VARVE_PASSWORD") { bytes in
      if !bytes.isEmpty { secret = SecretBytes(copying: bytes) }
    }
    return secret
  }
}
