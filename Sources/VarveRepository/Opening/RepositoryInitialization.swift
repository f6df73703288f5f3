// Making a repository:
//
//     1. keys/<digest>     the first owner's credential, which holds the master secret
//     2. config            created only if absent: from here on the place is taken
//     3. log/commits/0     genesis and the credential: from here on there is a repository
//
// A crash before 2 leaves an object that nobody reads. A crash before 3 leaves a config whose
// credential is in storage: making it again with the same password goes on from there.

import VarveCrypto
import VarveFormat
import VarveProof
public import VarveStorage

extension Repository {
  /// Makes a repository whose owner is whoever has `secret`, a password.
  ///
  /// - Throws: `VarveError.Code.repositoryExists`; `usage` for options out of bounds or a secret
  ///   that is not a password; `io`.
  public static func initialize(
    storage: any StorageBackend, secret: borrowing CredentialSecret,
    options: InitOptions = InitOptions(), client: ClientDirectories
  ) throws -> UnlockedRepository {
    switch secret {
    case .password(let password):
      guard try storage.size(ObjectName.config) == nil else {
        return try resumeInitialization(storage: storage, password: password, client: client)
      }
      return try begin(storage: storage, password: password, options: options, client: client)
    case .keyText:
      throw VarveError(
        .usage, "a new repository is made with a password", hint: "add key files afterwards")
    }
  }

  private static func begin(
    storage: any StorageBackend, password: borrowing SecretBytes, options: InitOptions,
    client: ClientDirectories
  ) throws -> UnlockedRepository {
    let id = Digest(loading: SecureRandom.bytes(Digest.byteCount))
    let master = SecureRandom.secret(32)
    let author = SecureRandom.secret(Ed25519SigningKey.seedByteCount)
    let (config, object) = try makeConfig(id: id, master: master, options: options)
    let configDigest = SHA256.digest(object)
    let repository = Repository(storage: storage, config: config, configDigest: configDigest)
    let payload = try CredentialPayload(role: .owner, config: configDigest) { name in
      name == .master ? master.copy() : author.copy()
    }
    let credential = try NewCredential.make(
      payload, password: password, cost: options.passwordCost, label: options.label,
      indexKey: DerivedKey.index.derive(from: master, repository: id), repository: id)
    try storage.put(ObjectName.credential(credential.id), credential.bytes)
    guard try storage.createExclusively(ObjectName.config, object) else {
      try? storage.remove(ObjectName.credential(credential.id))
      throw exists(storage)
    }
    return try repository.commitGenesis(
      Unlocked(credential: credential.id, payload: payload), client: client)
  }

  private static func makeConfig(
    id: Digest, master: borrowing SecretBytes, options: InitOptions
  ) throws -> (RepositoryConfig, [UInt8]) {
    let origin = RepositoryConfig.origin(of: id)
    let logSeed = DerivedKey.log.derive(from: master, repository: id)
    let authorSeed = DerivedKey.recoveryAuthor.derive(from: master, repository: id)
    let logKey = try VerifierKey(
      name: origin, publicKey: Ed25519SigningKey(seed: logSeed).publicKey)
    let config = try RepositoryConfig(
      id: id, created: WallClock.now(), authorKey: Ed25519SigningKey(seed: authorSeed).publicKey,
      logKey: logKey.text,
      dataKey: try X25519.publicKey(of: DerivedKey.data.derive(from: master, repository: id)),
      chunkSizes: options.chunkSizes, packSize: options.packSize)
    return (config, try CheckpointSigner(seed: logSeed, origin: origin).sign(config.text))
  }

  private static func exists(_ storage: any StorageBackend) -> VarveError {
    VarveError(
      .repositoryExists, "there is already a repository at \(storage.location)",
      hint: "use it, or choose another place")
  }

  /// Goes on where an earlier attempt stopped after `config`.
  private static func resumeInitialization(
    storage: any StorageBackend, password: borrowing SecretBytes, client: ClientDirectories
  ) throws -> UnlockedRepository {
    guard try storage.size(ObjectName.commit(0)) == nil else { throw exists(storage) }
    let repository = try open(storage: storage)
    // Without a log only a listing says which credentials there are; what opens is authenticated.
    var names: [String] = []
    try storage.list(ObjectName.credentialPrefix) { name, _ in names.append(name) }
    for name in names.sorted() {
      guard case .credential(let id) = ObjectClass(name),
        let object = try? Unlocking.credential(id, in: repository), object.kind == .password,
        object.role == .owner,
        let payload = try CredentialSealing.open(
          object, secret: try Unlocking.stretch(password, object.keyDerivation), name),
        payload.config == repository.configDigest
      else { continue }
      return try repository.commitGenesis(
        Unlocked(credential: id, payload: payload), client: client)
    }
    throw VarveError(
      .repositoryExists, "a repository was begun at \(storage.location) and not completed",
      hint: "run 'varve init' again with the password of that time, or remove the directory")
  }

  /// Writes the first commit.
  private func commitGenesis(
    _ unlocked: consuming Unlocked, client: ClientDirectories
  ) throws -> UnlockedRepository {
    let credential = unlocked.credential
    let payload = unlocked.takePayload()
    let seed = DerivedKey.recoveryAuthor.derive(
      from: try payload.secret(.master), repository: config.id)
    let logSeed = DerivedKey.log.derive(from: try payload.secret(.master), repository: config.id)
    let recoveryAuthor = try LogAuthor(
      seed: seed, checkpointSigner: try CheckpointSigner(seed: logSeed, origin: config.origin))
    let authorKey = try Ed25519SigningKey(seed: try payload.secret(.author)).publicKey
    let log = try Log(storage: storage, config: config, configDigest: configDigest, client: client)
    _ = try log.append(by: recoveryAuthor) { state in
      guard state.size == 0, let credential else { throw Self.exists(storage) }
      return [
        .genesis(
          LogStatement.Genesis(config: configDigest, authorKey: recoveryAuthor.publicKey)),
        .credential(
          LogStatement.CredentialChange(additions: [
            LogStatement.CredentialChange.Addition(
              authorKey: authorKey, credential: credential, keyID: KeyID(publicKey: authorKey),
              role: .owner)
          ])),
      ]
    }
    return try finishUnlocking(
      Unlocked(credential: credential, payload: payload), log: log, client: client)
  }
}
