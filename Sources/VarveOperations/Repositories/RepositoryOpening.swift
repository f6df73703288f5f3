import Varve
import VarveCrypto
import VarveFormat
public import VarveProof
public import VarveRepository
package import VarveStorage

/// Opens a repository as its settings say, as far as somebody needs it: the repository, its log, unlocked, with its index.
public struct RepositoryOpening: Sendable {
  public let settings: RepositorySettings
  private let client: ClientDirectories
  private let isInterrupted: @Sendable () throws -> Void
  private let note: @Sendable (String) -> Void
  private let warn: @Sendable (String) -> Void
  /// Whether nothing is written to the repository, whatever is done with it.
  package var isReadOnly = false
  /// What unlocks where the settings have no credential.
  package var fallbackSecret: (@Sendable () throws -> CredentialSecret)?

  /// - Parameters:
  ///   - client: the settings' own directory of caches comes before this one's.
  ///   - isInterrupted: throws when what waits for a store should stop.
  ///   - note: what is worth knowing, such as that a store is asked again.
  ///   - warn: what is wrong without keeping anybody from going on; nil for `note`.
  public init(
    _ settings: RepositorySettings, client: ClientDirectories,
    isInterrupted: @escaping @Sendable () throws -> Void,
    note: @escaping @Sendable (String) -> Void,
    warn: (@Sendable (String) -> Void)? = nil
  ) {
    self.settings = settings
    var client = client
    if let directory = settings.cacheDirectory { client.cache = directory }
    self.client = client
    self.isInterrupted = isInterrupted
    self.note = note
    self.warn = warn ?? note
  }

  /// The store; nothing is read yet.
  package static func storage(
    _ settings: RepositorySettings, isInterrupted: @escaping @Sendable () throws -> Void,
    note: @escaping @Sendable (String) -> Void
  ) throws -> any StorageBackend {
    let opening = StorageOpening(settings.storage, isInterrupted: isInterrupted) { error, pause in
      // What is over in a moment is no news.
      guard pause >= 1 else { return }
      note("\(ByteText.printable(error.message)); asking again in \(Int(pause)) s")
    }
    return try opening.open(settings.location)
  }

  package func storage() throws -> any StorageBackend {
    try Self.storage(settings, isInterrupted: isInterrupted, note: note)
  }

  /// The repository, without any key.
  public func opened() throws -> Repository {
    let storage = try storage()
    return try Repository.open(
      storage: isReadOnly ? DryRunStorage(storage) : storage, client: client)
  }

  /// The log of the repository, without any key, with the cosignatures that the settings require.
  public func log() throws -> Log {
    let log = try opened().openLog(client: client)
    try cosignatureRequirement()?.check(log, now: WallClock.now())
    return log
  }

  /// The repository, unlocked, its log with the cosignatures that are required.
  public func unlocked() throws -> UnlockedRepository {
    let requirement = try cosignatureRequirement()
    let repository = try unlockedWithoutCosignatures()
    try requirement?.check(repository.log, now: WallClock.now())
    return repository
  }

  /// The same for those who bring what is required.
  package func unlockedWithoutCosignatures() throws -> UnlockedRepository {
    let unlocked = try opened().unlock(try secret(), client: client)
    if let failure = unlocked.log.derivedDataFailure {
      warn("\(failure.message); nothing depends on it")
    }
    unlocked.log.warn { [warn] in warn("\($0.message); nothing depends on it") }
    return unlocked
  }

  /// The repository, unlocked, with its index.
  public func indexed() throws -> IndexedRepository {
    let indexed = try IndexedRepository(try unlocked())
    for failure in indexed.failures {
      warn("\(failure.message); going on without it, see 'varve check'")
    }
    return indexed
  }

  /// Checks the repository; a damaged one cannot always be opened, so checking begins before that.
  public func check(
    options: CheckOptions, observer: any CheckObserver, cancellation: CancellationFlag
  ) throws -> CheckReport {
    let storage = try storage()
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

  /// What unlocks.
  package func secret() throws -> CredentialSecret {
    switch settings.credential {
    case .passwordFile(let file): return .password(try SecretFile.password(at: file))
    case .passwordCommand(let command):
      return .password(
        try SecretFile.password(command: command, isInterrupted: isInterrupted))
    case .keyFile(let file): return .keyText(try SecretFile.keyText(at: file))
    case nil:
      guard let fallbackSecret else {
        throw VarveError(
          .usage, "nothing is said that unlocks the repository '\(settings.name)'",
          hint: "give it a password-file, a password-command or a key-file")
      }
      return try fallbackSecret()
    }
  }

  /// The policy of witnesses, if there is one.
  public func witnessPolicy() throws -> WitnessPolicy? {
    try settings.witnessPolicyFile.map(WitnessPolicy.file)
  }

  /// Whose word about the time counts; nobody's where neither witnesses nor authorities are named.
  public func timeTrust() throws -> TimeTrust {
    TimeTrust(
      policy: try witnessPolicy(),
      authorities: try settings.timestampAuthorities.map(TimestampAuthorities.file))
  }

  /// Which cosignatures a log must have to be believed; nil when none are required.
  private func cosignatureRequirement() throws -> CosignatureRequirement? {
    try witnessPolicy().map {
      CosignatureRequirement(policy: $0, maximumAge: settings.maximumCosignatureAge)
    }
  }
}
