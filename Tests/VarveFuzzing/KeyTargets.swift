import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage

extension ParserTarget {
  static let keyTargets: [ParserTarget] = [
    // The text of a config, signed by the key it names: everything behind the signature.
    ParserTarget(
      "config",
      tokens: ["\"chunker\":", "\"format\":1", "\"packSize\":", "gear", "9007199254740991"],
      seeds: {
        [
          Array(FuzzRepository.shared.config.text.utf8),
          Array(try RepositoryConfig.random(origin: 7).text.utf8),
        ]
      },
      recode: { bytes in
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let config = try RepositoryConfig(text: text)
        use(config.created.utcSeconds)
        try require(RepositoryConfig(text: config.text) == config, "it does not read back")
        return Array(config.text.utf8)
      }),
    // A whole config object: signature, log key, text.
    ParserTarget(
      "config-object", tokens: ["\n\n\u{2014} ", "+"],
      seeds: { [FuzzRepository.shared.configObject] },
      recode: { bytes in
        let storage = MemoryStorage()
        try storage.put(ObjectName.config, bytes)
        let repository = try Repository.open(storage: storage)
        try require(repository.configDigest == SHA256.digest(bytes), "another digest")
        return bytes == FuzzRepository.shared.configObject ? bytes : nil
      }),
    ParserTarget(
      "credential",
      tokens: ["\"kdf\":", "scrypt", "none", "password", "key-file", "owner", "1048576"],
      seeds: { FuzzRepository.shared.credentials },
      recode: { bytes in
        let object = try CredentialObject(bytes, "credential")
        use(object.authenticatedData)
        return object.bytes
      }),
    // The first byte is the role.
    ParserTarget(
      "credential-payload", tokens: ["\"author\":\"", "\"config\":\"", "\"master\":\"", "owner"],
      seeds: {
        try Role.allCases.enumerated().map { number, role in
          let payload = try CredentialPayload(role: role, config: Digest(1, 2, 3, 4)) { _ in
            SecretBytes(copying: Array(0..<32))
          }
          return [UInt8(number)] + payload.encode().withUnsafeBytes { Array($0) }
        }
      },
      recode: { bytes in
        guard let first = bytes.first else { return nil }
        let role = Role.allCases[Int(first) % Role.allCases.count]
        let payload = try CredentialPayload(
          decoding: SecretBytes(copying: Array(bytes.dropFirst())), role: role, "payload")
        return [first] + payload.encode().withUnsafeBytes { Array($0) }
      }),
    // Key files and recovery keys. Case and separators are free, so the key is compared.
    ParserTarget(
      "key-text", tokens: ["VARVE-KEY-1-", "#", "\r\n"], refusals: [.wrongPassword],
      seeds: {
        let keys = [KeyText.Kind.keyFile, .recovery].map { kind in
          KeyText(
            kind: kind, repository: Digest(5, 6, 7, 8), secret: SecretBytes(copying: Array(0..<32))
          )
          .fileText(repository: Digest(5, 6, 7, 8)).withUnsafeBytes { Array($0) }
        }
        return keys + [Array("VARVE-KEY-1-".utf8)]
      },
      recode: { bytes in
        let key = try KeyText(parsing: SecretBytes(copying: bytes))
        let again = try KeyText(parsing: key.line())
        let same =
          again.kind == key.kind && again.repositoryPrefix == key.repositoryPrefix
          && again.secret.withUnsafeBytes { a in
            key.secret.withUnsafeBytes { a.elementsEqual($0) }
          }
        try require(same, "a key's line is another key")
        return nil
      }),
  ]
}

extension RepositoryConfig {
  static func random(origin: UInt64) throws -> RepositoryConfig {
    try RepositoryConfig(
      id: Digest(origin, 2, 3, 4), created: Timestamp(seconds: 1_772_362_800),
      authorKey: [UInt8](repeating: 1, count: 32), logKey: "name+00000000+key",
      dataKey: [UInt8](repeating: 2, count: 32))
  }
}
