public import VarveCrypto
public import VarveFormat

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

/// A key file that has just been made; its text is nowhere else, but where the caller has kept it.
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
  /// - Parameter keep: puts the text where it stays, before anything depends on it.
  /// - Throws: `VarveError.Code.forbidden`; what `keep` throws, and then nothing was added; what appending throws.
  public func addKeyFile(
    role: Role = .owner, label: String = "",
    keep: (borrowing SecretBytes) throws -> Void = { _ in }
  ) throws -> NewKeyFile {
    try require(.owner, to: "add credentials")
    let author = SecureRandom.secret(Ed25519SigningKey.seedByteCount)
    let key = KeyText(kind: .keyFile, repository: config.id, secret: SecureRandom.secret(32))
    let new = try NewCredential.make(
      try keys.grant(role, author: author, config: repository.configDigest),
      keyFileSecret: key.secret, label: label, indexKey: try keys.indexKey(), repository: config.id)
    let text = key.fileText(repository: config.id)
    let id = try add(new, role: role, author: author) { try keep(text) }
    return NewKeyFile(credential: id, text: text)
  }

  /// Removes a credential; the one in use may be removed, but never the last owner's. For an owner.
  ///
  /// What the credential's holder has copied stays readable to them: this keeps them from opening
  /// the repository and from signing anything new. `credentialDeletionFailure` says whether the object stays.
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
    if !log.proposes { deleteObject(of: id) }
  }

  /// Puts a new password in the place of the one in use, with the same role and label. For an
  /// owner.
  ///
  /// - Parameter cost: of unlocking with it; nil for the old one's.
  /// - Returns: the new credential, which is from now on the one in use.
  /// - Throws: `VarveError.Code.forbidden`; `usage` for an empty password, or when it was not a
  ///   password that unlocked the repository; what appending throws.
  @discardableResult
  public func changePassword(
    to password: borrowing SecretBytes, cost: PasswordCost? = nil
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
      cost: cost ?? PasswordCost(of: object) ?? .standard,
      label: (try? CredentialSealing.label(of: object, indexKey: indexKey)) ?? "",
      indexKey: indexKey, repository: config.id)
    return try takePlace(new, of: old, author)
  }

  /// Gives the credential in use a new author key: the same password or key file opens the new one, with the same role
  /// and label; the old key signs nothing any more. For an owner.
  ///
  /// - Parameter secret: what unlocked the repository.
  /// - Returns: the new credential, which is from now on the one in use.
  /// - Throws: `VarveError.Code.forbidden`; `usage` for the recovery key, and when `secret` is of another kind than the
  ///   credential; what appending throws.
  @discardableResult
  public func rotateAuthorKey(_ secret: borrowing CredentialSecret) throws -> Digest {
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
        payload, password: password, cost: PasswordCost(of: object) ?? .standard, label: label,
        indexKey: indexKey, repository: config.id)
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
  /// - Parameter keep: puts the text where it stays, before the old one is removed.
  /// - Throws: `VarveError.Code.forbidden`, `notFound`; what `keep` throws, and then the old one stays; what appending throws.
  public func replaceWithKeyFile(
    _ old: Digest, keep: (borrowing SecretBytes) throws -> Void = { _ in }
  ) throws -> NewKeyFile {
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
    let text = key.fileText(repository: config.id)
    let id = try add(new, role: role, author: author, replacing: old) { try keep(text) }
    if !log.proposes { deleteObject(of: old) }
    return NewKeyFile(credential: id, text: text)
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
}
