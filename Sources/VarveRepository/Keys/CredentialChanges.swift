// How credentials come and go:
//
//     1. keys/<digest>              of the new one
//     2. the text of its key file   where the user wants it
//     3. the commit                 that adds the new one, removes the old one, or both
//     4. keys/<digest>              of the old one is deleted
//
// 1 and 2 are done when the commit is known to be valid. From 3 on the log may name the new object whatever the store
// answers, and to delete it would lock its holder out for good: it stays. One that no entry names harms nobody. A failure
// of 4 is none, since the log says who was removed.

import VarveCrypto
import VarveFormat
import VarveProof
import VarveStorage

extension UnlockedRepository {
  /// Stores a credential, then makes it live.
  ///
  /// - Parameter keep: keeps what opens it, before it is made live.
  func add(
    _ new: NewCredential, role: Role, author: borrowing SecretBytes, replacing old: Digest? = nil,
    keep: () throws -> Void = {}
  ) throws -> Digest {
    let publicKey = try Ed25519SigningKey(seed: author).publicKey
    let addition = LogStatement.CredentialChange.Addition(
      authorKey: publicKey, credential: new.id, keyID: KeyID(publicKey: publicKey), role: role)
    var isStored = false
    func storeOnce() throws {
      guard !isStored else { return }
      try store(new, keep: keep)
      isStored = true
    }
    try log.append(storing: storeOnce) { state in
      let removals = try old.map { [try Self.removal(of: $0, state)] } ?? []
      return [
        .credential(LogStatement.CredentialChange(additions: [addition], removals: removals))
      ]
    }
    return new.id
  }

  /// Nothing names the credential before this has returned.
  private func store(_ new: NewCredential, keep: () throws -> Void) throws {
    let name = ObjectName.credential(new.id)
    try storage.put(name, new.bytes)
    do {
      try keep()
    } catch {
      try? storage.remove(name)
      throw error
    }
  }

  /// Puts a credential in the place of the one in use.
  func takePlace(
    _ new: NewCredential, of old: Digest, _ author: borrowing SecretBytes
  ) throws -> Digest {
    let id = try add(new, role: role, author: author, replacing: old)
    guard !log.proposes else { return id }
    log.author = try LogAuthor(seed: author, checkpointSigner: log.author?.checkpointSigner)
    credential = id
    deleteObject(of: old)
    return id
  }

  /// Deletes the object of a credential that the log has removed.
  func deleteObject(of credential: Digest) {
    let name = ObjectName.credential(credential)
    do {
      try storage.remove(name)
    } catch {
      credentialDeletionFailure = VarveError(
        (error as? VarveError)?.code ?? .io, "\(name), which was removed, cannot be deleted",
        cause: error)
    }
  }

  static func removal(
    of id: Digest, _ state: LogState
  ) throws -> LogStatement.CredentialChange.Removal {
    guard let author = state.author(ofCredential: id), author.removed == nil else {
      throw VarveError(
        .notFound, "there is no credential \(id)", hint: "see 'varve key list'")
    }
    return LogStatement.CredentialChange.Removal(credential: id, keyID: author.keyID)
  }
}
