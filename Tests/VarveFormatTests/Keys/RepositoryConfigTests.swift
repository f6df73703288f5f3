import Testing
import VarveFormat

@Suite struct RepositoryConfigTests {
  static func config() throws -> RepositoryConfig {
    try RepositoryConfig(
      id: Digest(1, 2, 3, 4), created: Timestamp(seconds: 1_772_362_800),
      authorKey: [UInt8](repeating: 1, count: 32), logKey: "name+00000000+key",
      dataKey: [UInt8](repeating: 2, count: 32))
  }

  @Test func configReadsBack() throws {
    let config = try Self.config()
    #expect(try RepositoryConfig(text: config.text) == config)
    #expect(config.origin == "varve/" + Digest(1, 2, 3, 4).hex)
    let text = config.text
    #expect(text.hasPrefix(#"{"authorKey":"AQEB"#))
    #expect(text.contains(#""chunker":{"max":8388608,"min":524288,"name":"gear","target":524288}"#))
    #expect(text.hasSuffix(#""packSize":33554432}"# + "\n"))
  }

  @Test(arguments: [
    (#""packSize":33554432"#, #""packSize":1"#, VarveError.Code.damaged),
    (#""min":524288"#, #""min":4095"#, .damaged), (#""max":8388608"#, #""max":1048575"#, .damaged),
    (#""target":524288"#, #""target":524289"#, .damaged),
    (#""max":8388608"#, #""max":67108865"#, .damaged),
    (#""name":"gear""#, #""name":"buzhash""#, .unsupportedFormat),
    (#""format":1"#, #""format":2"#, .unsupportedFormat),
    (#""format":1"#, #""format":1,"future":1"#, .unsupportedFormat),
    ("\n", "", .damaged), ("\n", "\n\n", .damaged),
    (#""origin":"varve/00"#, #""origin":"varve/01"#, .damaged),
    (#"{"authorKey""#, #"{ "authorKey""#, .damaged), ("2026-", "26-", .damaged),
  ])
  func otherTextIsRefused(_ old: String, _ new: String, _ code: VarveError.Code) throws {
    let text = try Self.config().text
    let changed = text.replacing(old, with: new)
    #expect(changed != text)
    let error = #expect(throws: VarveError.self) { try RepositoryConfig(text: changed) }
    #expect(error?.code == code)
  }

  @Test func parametersHaveBounds() {
    #expect(throws: VarveError(.usage, "")) {
      try RepositoryConfig.ChunkSizes(min: 4096, target: 1 << 25, max: 1 << 26)
    }
    #expect(throws: VarveError(.usage, "")) {
      try RepositoryConfig.ChunkSizes(min: .max, target: 1024, max: 1 << 26)
    }
    #expect(throws: Never.self) {
      try RepositoryConfig.ChunkSizes(min: 4096, target: 1024, max: 5120)
    }
  }

  @Test func theStandardSizesScaleDown() throws {
    #expect(try RepositoryConfig.ChunkSizes(mean: 1 << 20) == .standard)
    for shift in 13...20 {
      let sizes = try RepositoryConfig.ChunkSizes(mean: 1 << shift)
      #expect(sizes.mean == 1 << shift)
      // Whatever it gives is within the bounds that a repository has.
      let same = try RepositoryConfig.ChunkSizes(
        min: sizes.min, target: sizes.target, max: sizes.max)
      #expect(same == sizes)
    }
    for mean in [Int.min, -1, 0, 1, 4 << 10, 12 << 10, (64 << 10) + 1, 2 << 20, 1 << 40, .max] {
      #expect(throws: VarveError(.usage, "")) { try RepositoryConfig.ChunkSizes(mean: mean) }
    }
  }
}

@Suite struct CredentialObjectTests {
  static func credential(_ kind: CredentialObject.Kind) -> CredentialObject {
    CredentialObject(
      repository: Digest(1, 2, 3, 4), kind: kind, role: .writer, created: Timestamp(seconds: 0),
      keyDerivation: kind == .password
        ? .scrypt(n: 1 << 14, p: 1, salt: [UInt8](repeating: 9, count: 32)) : .none,
      label: .init(
        nonce: [UInt8](repeating: 1, count: 12), ciphertext: [UInt8](repeating: 2, count: 20)),
      wrapped: .init(
        nonce: [UInt8](repeating: 3, count: 12), ciphertext: [UInt8](repeating: 4, count: 90)))
  }

  @Test(arguments: [CredentialObject.Kind.password, .keyFile])
  func credentialsReadBack(_ kind: CredentialObject.Kind) throws {
    let credential = Self.credential(kind)
    #expect(try CredentialObject(credential.bytes, "keys/x") == credential)
    let data = String(decoding: credential.authenticatedData, as: UTF8.self)
    #expect(!data.contains("wrapped") && !data.contains("label") && data.contains("\"kdf\""))
  }

  @Test(arguments: [
    (#""n":16384"#, #""n":8192"#, VarveError.Code.damaged),
    (#""n":16384"#, #""n":2097152"#, .damaged),
    (#""n":16384"#, #""n":16385"#, .damaged), (#""p":1"#, #""p":17"#, .damaged),
    (#""p":1"#, #""p":0"#, .damaged), (#""r":8"#, #""r":9"#, .damaged),
    (#""name":"scrypt""#, #""name":"argon2id""#, .unsupportedFormat),
    (#""kind":"password""#, #""kind":"key-file""#, .unsupportedFormat),
    (#""kind":"password""#, #""kind":"fido""#, .unsupportedFormat),
    (#""format":1"#, #""format":3"#, .unsupportedFormat),
    (#""role":"writer""#, #""role":"x""#, .damaged),
    ("1970-", "0x-", .damaged), (#""label":"AQEB"#, #""label":"AQ"#, .damaged),
    (#","wrapped":"AwMD"#, #","wrapped":"","x":"AwMD"#, .unsupportedFormat),
  ])
  func otherCredentialsAreRefused(_ old: String, _ new: String, _ code: VarveError.Code) throws {
    let text = String(decoding: Self.credential(.password).bytes, as: UTF8.self)
    let changed = text.replacing(old, with: new)
    #expect(changed != text)
    let error = #expect(throws: VarveError.self) {
      try CredentialObject(Array(changed.utf8), "keys/x")
    }
    #expect(error?.code == code)
  }
}
