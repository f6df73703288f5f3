public import VarveCrypto
public import VarveFormat
import VarveProof
import VarveStorage

/// A live credential, for a list.
public struct CredentialSummary: Sendable {
  public let id: Digest
  public let role: Role
  /// Who signs the log entries that are made with it.
  public let author: KeyID
  /// Whether this is the one in use.
  public let isCurrent: Bool
  /// Nil when the object cannot be read.
  public let kind: CredentialObject.Kind?
  public let created: Timestamp?
  public let label: String?
  /// Why the object cannot be read.
  public let problem: VarveError?
}

/// A key file that has just been made; its text is nowhere else.
public struct NewKeyFile: ~Copyable, Sendable {
  public let credential: Digest
  /// What to write into the file.
  public let text: SecretBytes
}

extension UnlockedRepository {
  /// The live credentials, oldest first.
  public func listCredentials() throws -> [CredentialSummary] {
    let indexKey = try keys.indexKey()
    return log.state.liveCredentials.compactMap { author in
      guard let id = author.credential else { return nil }
      var object: CredentialObject?
      var label: String?
      var problem: VarveError?
      do {
        let read = try Unlocking.credential(id, in: repository)
        object = read
        label = try CredentialSealing.label(of: read, indexKey: indexKey)
      } catch {
        problem =
          error as? VarveError
          ?? VarveError(.io, "cannot read \(ObjectName.credential(id))", cause: error)
      }
      return CredentialSummary(
        id: id, role: author.role, author: author.keyID, isCurrent: id == credential,
        kind: object?.kind, created: object?.created, label: label, problem: problem)
    }
  }

  /// The live credential whose id begins with `prefix`.
  ///
  /// - Throws: `VarveError.Code.notFound` when there is none, `usage` when there are several.
  public func credential(matching prefix: String) throws -> Digest {
    let matching = log.state.liveCredentials.compactMap(\.credential)
      .filter { $0.hex.hasPrefix(prefix.lowercased()) }
    guard let first = matching.first, !prefix.isEmpty else {
      throw VarveError(
        .notFound, "there is no credential '\(prefix)'", hint: "see 'varve key list'")
    }
    guard matching.count == 1 else {
      throw VarveError(
        .usage, "'\(prefix)' begins \(matching.count) credentials", hint: "give more digits")
    }
    return first
  }

  /// Adds a credential that a password opens. For an owner.
  ///
  /// - Throws: `VarveError.Code.forbidden`, `usage` for an empty password, and what appending
  ///   throws.
  @discardableResult
  public func addPassword(
    _ password: borrowing SecretBytes, role: Role = .owner, label: String = "",
    cost: PasswordCost = .standard
  ) throws -> Digest {
    try require(.owner, to: "add credentials")
    let author = SecureRandom.secret(Ed25519SigningKey.seedByteCount)
    let new = try NewCredential.make(
      try keys.grant(role, author: author, config: repository.configDigest), password: password,
      cost: cost, label: label, indexKey: try keys.indexKey(), repository: config.id)
    return try add(new, role: role, author: author)
  }

  /// Adds a credential that a key file opens. For an owner.
  ///
  /// - Throws: `VarveError.Code.forbidden`, and what appending throws.
  public func addKeyFile(role: Role = .owner, label: String = "") throws -> NewKeyFile {
    try require(.owner, to: "add credentials")
    let author = SecureRandom.secret(Ed25519SigningKey.seedByteCount)
    let key = KeyText(kind: .keyFile, repository: config.id, secret: SecureRandom.secret(32))
    let new = try NewCredential.make(
      try keys.grant(role, author: author, config: repository.configDigest),
      keyFileSecret: key.secret, label: label, indexKey: try keys.indexKey(), repository: config.id)
    let id = try add(new, role: role, author: author)
    return NewKeyFile(credential: id, text: key.fileText(repository: config.id))
  }

  /// Removes a credential; the one in use may be removed, but never the last owner's. For an owner.
  ///
  /// What the credential's holder has copied stays readable to them: this keeps them from opening
  /// the repository and from signing anything new.
  ///
  /// - Throws: `VarveError.Code.forbidden`, `notFound`, `usage` for the last owner, and what
  ///   appending throws.
  public func removeCredential(_ id: Digest) throws {
    try require(.owner, to: "remove credentials")
    try log.append { state in
      let removal = try Self.removal(of: id, state)
      let owners = state.liveCredentials.filter { $0.role == .owner && $0.credential != id }
      guard !owners.isEmpty else {
        throw VarveError(
          .usage, "the last owner's credential cannot be removed", hint: "add another owner first")
      }
      return [.credential(LogStatement.CredentialChange(removals: [removal]))]
    }
    guard !log.proposes else { return }
    try storage.remove(ObjectName.credential(id))
  }

  /// Puts a new password in the place of the one in use, with the same role and label. For an
  /// owner.
  ///
  /// - Returns: the new credential, which is from now on the one in use.
  /// - Throws: `VarveError.Code.forbidden`; `usage` for an empty password, or when it was not a
  ///   password that unlocked the repository; what appending throws.
  @discardableResult
  public func changePassword(
    to password: borrowing SecretBytes, cost: PasswordCost = .standard
  ) throws -> Digest {
    try require(.owner, to: "change credentials")
    guard let old = credential,
      let object = try? Unlocking.credential(old, in: repository), object.kind == .password
    else {
      throw VarveError(
        .usage, "the repository was not unlocked with a password",
        hint: "unlock it with the password to be changed, or use 'varve key add'")
    }
    let author = SecureRandom.secret(Ed25519SigningKey.seedByteCount)
    let indexKey = try keys.indexKey()
    let new = try NewCredential.make(
      try keys.grant(role, author: author, config: repository.configDigest), password: password,
      cost: cost, label: (try? CredentialSealing.label(of: object, indexKey: indexKey)) ?? "",
      indexKey: indexKey, repository: config.id)
    return try takePlace(new, of: old, author)
  }

  /// Puts a credential in the place of the one in use.
  private func takePlace(
    _ new: NewCredential, of old: Digest, _ author: borrowing SecretBytes
  ) throws -> Digest {
    let id = try add(new, role: role, author: author, replacing: old)
    guard !log.proposes else { return id }
    log.author = try LogAuthor(seed: author, checkpointSigner: log.author?.checkpointSigner)
    credential = id
    try storage.remove(ObjectName.credential(old))
    return id
  }

  /// Gives the credential in use a new author key: the same password or key file opens the new one, with the same role
  /// and label; the old key signs nothing any more. For an owner.
  ///
  /// - Parameter secret: what unlocked the repository.
  /// - Returns: the new credential, which is from now on the one in use.
  /// - Throws: `VarveError.Code.forbidden`; `usage` for the recovery key, and when `secret` is of another kind than the
  ///   credential; what appending throws.
  @discardableResult
  public func rotateAuthorKey(
    _ secret: borrowing CredentialSecret, cost: PasswordCost = .standard
  ) throws -> Digest {
    try require(.owner, to: "rotate keys")
    guard let old = credential else {
      throw VarveError(
        .usage, "the recovery key's author cannot be rotated",
        hint: "unlock the repository with a password or a key file")
    }
    let object = try Unlocking.credential(old, in: repository)
    let author = SecureRandom.secret(Ed25519SigningKey.seedByteCount)
    let indexKey = try keys.indexKey()
    let label = (try? CredentialSealing.label(of: object, indexKey: indexKey)) ?? ""
    let payload = try keys.grant(role, author: author, config: repository.configDigest)
    let new: NewCredential
    switch secret {
    case .password(let password):
      new = try NewCredential.make(
        payload, password: password, cost: cost, label: label, indexKey: indexKey,
        repository: config.id)
    case .keyText(let text):
      let key = try KeyText(parsing: text)
      guard key.kind == .keyFile else {
        throw VarveError(.usage, "the recovery key opens no credential")
      }
      new = try NewCredential.make(
        payload, keyFileSecret: key.secret, label: label, indexKey: indexKey, repository: config.id)
    }
    return try takePlace(new, of: old, author)
  }

  /// Puts a new key file in the place of another credential, with its role and label and a new author key. For an owner.
  ///
  /// - Throws: `VarveError.Code.forbidden`, `notFound`, and what appending throws.
  public func replaceWithKeyFile(_ old: Digest) throws -> NewKeyFile {
    try require(.owner, to: "rotate keys")
    guard let role = log.state.author(ofCredential: old)?.role else {
      throw VarveError(.notFound, "there is no credential \(old)", hint: "see 'varve key list'")
    }
    let indexKey = try keys.indexKey()
    let label =
      (try? CredentialSealing.label(
        of: Unlocking.credential(old, in: repository), indexKey: indexKey)) ?? ""
    let author = SecureRandom.secret(Ed25519SigningKey.seedByteCount)
    let key = KeyText(kind: .keyFile, repository: config.id, secret: SecureRandom.secret(32))
    let new = try NewCredential.make(
      try keys.grant(role, author: author, config: repository.configDigest),
      keyFileSecret: key.secret, label: label, indexKey: indexKey, repository: config.id)
    let id = try add(new, role: role, author: author, replacing: old)
    if !log.proposes { try storage.remove(ObjectName.credential(old)) }
    return NewKeyFile(credential: id, text: key.fileText(repository: config.id))
  }

  /// The recovery key as text: with it and the repository, whatever became of the credentials, an
  /// owner can unlock. For an owner.
  ///
  /// - Throws: `VarveError.Code.forbidden`.
  public func exportRecoveryKey() throws -> SecretBytes {
    try require(.owner, to: "export the recovery key")
    return KeyText(kind: .recovery, repository: config.id, secret: try keys.master())
      .fileText(repository: config.id)
  }

  /// Stores a credential, then makes it live.
  private func add(
    _ new: NewCredential, role: Role, author: borrowing SecretBytes, replacing old: Digest? = nil
  ) throws -> Digest {
    let publicKey = try Ed25519SigningKey(seed: author).publicKey
    let addition = LogStatement.CredentialChange.Addition(
      authorKey: publicKey, credential: new.id, keyID: KeyID(publicKey: publicKey), role: role)
    try storage.put(ObjectName.credential(new.id), new.bytes)
    do {
      try log.append { state in
        let removals = try old.map { [try Self.removal(of: $0, state)] } ?? []
        return [
          .credential(LogStatement.CredentialChange(additions: [addition], removals: removals))
        ]
      }
    } catch let error as VarveError where error.code != .io {
      // Decided before anything was appended. When storage failed, the commit may be there all the same,
      // and then the log names the object; if it is not, nobody will ever read it.
      try? storage.remove(ObjectName.credential(new.id))
      throw error
    }
    return new.id
  }

  private static func removal(
    of id: Digest, _ state: LogState
  ) throws -> LogStatement.CredentialChange.Removal {
    guard let author = state.author(ofCredential: id), author.removed == nil else {
      throw VarveError(
        .notFound, "there is no credential \(id)", hint: "see 'varve key list'")
    }
    return LogStatement.CredentialChange.Removal(credential: id, keyID: author.keyID)
  }
}
