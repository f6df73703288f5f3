import VarveCrypto
import VarveFormat
import VarveStorage

/// A payload that has been opened, and the credential that held it; nil for the recovery key.
struct Unlocked: ~Copyable {
  let credential: Digest?
  private let payload: CredentialPayload

  init(credential: Digest?, payload: consuming CredentialPayload) {
    self.credential = credential
    self.payload = payload
  }

  consuming func takePayload() -> CredentialPayload { payload }
}

/// Finds the credential that a password or key opens.
///
/// The log says which credentials there are, so no listing is believed: each live one of the right
/// kind is tried, oldest first; one that cannot be read is in nobody else's way. Removed ones are looked at last, only to tell the user.
struct Unlocking {
  let repository: Repository
  let state: LogState

  func unlock(_ secret: borrowing CredentialSecret) throws -> Unlocked {
    switch secret {
    case .password(let password):
      return try unlock(.password) { try Self.stretch(password, $0) }
    case .keyText(let text):
      let key = try KeyText(parsing: text)
      guard key.belongs(to: repository.config.id) else {
        throw VarveError(
          .wrongPassword, "the key belongs to another repository than \(repository.config.origin)",
          hint: "use the key file that was made for this repository")
      }
      switch key.kind {
      case .recovery: return try unlock(master: key.secret)
      case .keyFile: return try unlock(.keyFile) { _ in key.secret.copy() }
      }
    }
  }

  /// The wrapping secret from a password.
  static func stretch(
    _ password: borrowing SecretBytes, _ derivation: CredentialObject.KeyDerivation
  ) throws -> SecretBytes {
    guard case .scrypt(let n, let p, let salt) = derivation else {
      throw VarveError(.damaged, "a password credential has no key derivation")
    }
    return try Scrypt.derive(
      password: password, salt: salt, n: n, r: Int(CredentialObject.KeyDerivation.blockSize), p: p,
      count: 32)
  }

  private func unlock(master: borrowing SecretBytes) throws -> Unlocked {
    let id = repository.config.id
    let payload = try CredentialPayload(role: .owner, config: repository.configDigest) { name in
      name == .master
        ? master.copy() : DerivedKey.recoveryAuthor.derive(from: master, repository: id)
    }
    return Unlocked(credential: nil, payload: payload)
  }

  private func unlock(
    _ kind: CredentialObject.Kind,
    secret: (CredentialObject.KeyDerivation) throws -> SecretBytes
  ) throws -> Unlocked {
    var failure: VarveError?
    for author in state.liveCredentials {
      guard let id = author.credential else { continue }
      do {
        let object = try Self.credential(id, in: repository)
        guard object.kind == kind,
          let payload = try CredentialSealing.open(
            object, secret: try secret(object.keyDerivation), ObjectName.credential(id))
        else { continue }
        try verify(payload, of: author, object)
        return Unlocked(credential: id, payload: payload)
      } catch let error as VarveError where error.isOfObject {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    for author in state.authors.values {
      guard let removed = author.removed, let id = author.credential,
        let object = try? Self.credential(id, in: repository), object.kind == kind,
        let payload = try? CredentialSealing.open(
          object, secret: try secret(object.keyDerivation), ObjectName.credential(id))
      else { continue }
      _ = consume payload
      throw VarveError(
        .forbidden, "this credential was removed from the repository by log entry \(removed)",
        hint: "ask an owner for a new one")
    }
    let what = kind == .password ? "the password opens" : "the key file opens"
    throw VarveError(
      .wrongPassword, "\(what) no credential of the repository at \(repository.storage.location)",
      hint: kind == .password ? "check the password and the repository's path" : nil)
  }

  /// A credential object that is what its name says.
  static func credential(_ id: Digest, in repository: Repository) throws -> CredentialObject {
    let name = ObjectName.credential(id)
    let bytes = try repository.ahead.read(name)
    guard SHA256.digest(bytes) == id else {
      throw VarveError(
        .damaged, "\(name) is damaged: its bytes do not have that digest",
        hint: "unlock with another credential or the recovery key, and add a new credential")
    }
    let object = try CredentialObject(bytes, name)
    guard object.repository == repository.config.id else {
      throw VarveError(.damaged, "\(name) belongs to another repository")
    }
    return object
  }

  private func verify(
    _ payload: borrowing CredentialPayload, of author: LogState.Author, _ object: CredentialObject
  ) throws {
    let key = try Ed25519SigningKey(seed: try payload.secret(.author)).publicKey
    guard payload.config == repository.configDigest else {
      throw VarveError(
        .damaged, "\(ObjectName.config) is not the one that the credential was made for",
        hint: "bring back the config object of this repository from a copy")
    }
    guard key == author.publicKey, object.role == author.role else {
      throw VarveError(
        .damaged, "the log names another author for \(author.credential?.hex ?? "the credential")")
    }
  }
}
