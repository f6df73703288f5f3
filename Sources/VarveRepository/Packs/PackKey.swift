package import VarveCrypto
package import VarveFormat

/// A new pack's content key, and the header that carries it sealed.
package struct NewPackKey: ~Copyable {
  package let header: PackHeader
  package let key: SecretBytes
}

/// What it takes to make packs: no secret, so a host that backs up cannot read what it wrote.
package struct PackRecipient: Sendable {
  package let repository: Digest
  /// The repository's X25519 public key, 32 bytes.
  package let publicKey: [UInt8]

  package init(repository: Digest, publicKey: [UInt8]) {
    self.repository = repository
    self.publicKey = publicKey
  }

  /// A new content key, sealed to the repository.
  package func makeContentKey(_ type: PackType) throws -> NewPackKey {
    let key = SecureRandom.secret(32)
    let sealed = try HPKE.seal(
      to: publicKey, info: Self.info(repository), aad: PackHeader.associatedData(for: type),
      plaintext: key)
    let header = PackHeader(
      type: type, encapsulation: sealed.encapsulation, wrappedKey: sealed.ciphertext,
      commitment: try Self.commitment(key, repository))
    return NewPackKey(header: header, key: key)
  }

  static func info(_ repository: Digest) -> [UInt8] {
    Array("varve v1 pack key".utf8) + [0] + repository.bytes
  }

  /// Binds a pack to one content key, since GCM alone does not (docs/format.md, section 7).
  static func commitment(_ key: borrowing SecretBytes, _ repository: Digest) throws -> Digest {
    let bytes = HKDF.derive(
      ikm: key, salt: repository.bytes, info: Array("varve v1 key commitment".utf8), count: 32)
    return bytes.withUnsafeBytes { Digest(loading: $0.baseAddress!) }
  }
}

extension PackHeader {
  /// The content key of the pack.
  ///
  /// - Parameter privateKey: the repository's data key.
  /// - Throws: `.damaged` when the header was not sealed to this repository or was changed since.
  package func openContentKey(
    privateKey: borrowing SecretBytes, repository: Digest
  ) throws -> SecretBytes {
    let key: SecretBytes
    do {
      key = try HPKE.open(
        privateKey: privateKey, encapsulation: encapsulation,
        info: PackRecipient.info(repository),
        aad: PackHeader.associatedData(for: type, version: version),
        ciphertext: wrappedKey)
    } catch {
      throw VarveError(.damaged, "the content key does not open", cause: error)
    }
    guard key.count == 32, try PackRecipient.commitment(key, repository) == commitment else {
      throw VarveError(.damaged, "the content key does not match its commitment")
    }
    return key
  }
}
