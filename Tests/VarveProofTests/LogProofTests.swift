import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveTestSupport

@Suite struct LogProofTests {
  @Test func theSpecificationsExampleIsReadAndWritten() throws {
    let text = """
      c2sp.org/tlog-proof@v1
      extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6
      index 73894
      gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
      B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
      EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=

      example.com/fancylog
      109482
      sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

      — example.com/fancylog hI2DJwAAAAA=
      — witness1.example mJirIgAAAAA=

      """
    let proof = try LogProof(Array(text.utf8), "proof")
    #expect(proof.index == 73_894)
    #expect(proof.path.count == 3)
    #expect(
      proof.extra.map { String(decoding: $0, as: UTF8.self) } == "age-v1.2.1-darwin-arm64.tar.gz")
    #expect(
      proof.checkpoint.signatures.map(\.name) == ["example.com/fancylog", "witness1.example"])
    #expect(String(decoding: proof.bytes, as: UTF8.self) == text)
  }

  @Test func everyEntryOfLogsOfAllSizesIsProved() throws {
    for length in [1, 2, 3, 7, 8, 20] {
      let fixture = try ProofFixture(logLength: length)
      for index in 0..<UInt64(length) {
        let proof = try ProofFixture.logProof(of: index, in: fixture.tree, fixture.signer)
        #expect(try LogProof(proof.bytes, "proof") == proof)
        let entry = try ProvedEntry(fixture.entries[Int(index)], proof, key: fixture.key)
        #expect(entry.statement.position.index == index)
        #expect(entry.checkpoint.head == fixture.tree.head)
        try entry.requireSigned(by: fixture.author.publicKey)
        for other in fixture.entries.indices where other != Int(index) {
          #expect(throws: VarveError(.unproved, "")) {
            try ProvedEntry(fixture.entries[other], proof, key: fixture.key)
          }
        }
      }
    }
  }

  @Test func otherKeysAndAuthorsAreRefused() throws {
    let fixture = try ProofFixture()
    let other = try ProofFixture(seed: 9)
    let entry = fixture.entries[Int(fixture.index)]
    #expect(throws: VarveError(.unproved, "")) {
      try ProvedEntry(entry, fixture.proof.log, key: other.key)
    }
    let proved = try ProvedEntry(entry, fixture.proof.log, key: fixture.key)
    #expect(throws: VarveError(.unproved, "")) {
      try proved.requireSigned(by: other.author.publicKey)
    }
    // The same key under another name is another log's.
    let renamed = try VerifierKey(name: "elsewhere", publicKey: fixture.key.publicKey)
    #expect(throws: VarveError(.unproved, "")) {
      try ProvedEntry(entry, fixture.proof.log, key: renamed)
    }
  }

  /// What the log's key has signed, but not an entry as docs/format.md has it.
  @Test(arguments: [0, 1, 2, 3]) func entriesThatAreNoneAreRefused(_ kind: Int) throws {
    let fixture = try ProofFixture()
    let index: UInt64 = 0
    func statement(_ index: UInt64, _ repository: Digest) -> [UInt8] {
      LogStatement(
        author: KeyID(publicKey: fixture.author.publicKey),
        position: .init(index: index, size: 0, root: MerkleHash.emptyRoot), previous: nil,
        program: "test", repository: repository, time: Timestamp(seconds: 1),
        body: .forget(.init(snapshots: [Digest(1, 1, 1, 1)], reason: ""))
      ).bytes(config: .zero)
    }
    let entry: [UInt8]
    switch kind {
    case 0: entry = Array("no envelope".utf8)
    case 1:
      entry = try DSSEEnvelope(
        signing: statement(5, ProofFixture.repository), with: fixture.author
      ).bytes
    case 2:
      entry = try DSSEEnvelope(signing: statement(0, Digest(1, 1, 1, 1)), with: fixture.author)
        .bytes
    default:
      entry = try DSSEEnvelope(
        signing: statement(0, ProofFixture.repository), type: "text/plain", with: fixture.author
      ).bytes
    }
    var tree = MerkleTree()
    tree.append(entry: entry)
    let proof = try ProofFixture.logProof(of: index, in: tree, fixture.signer)
    #expect(throws: VarveError(.unproved, "")) {
      try ProvedEntry(entry, proof, key: fixture.key)
    }
  }

  @Test func everyChangedByteIsNoticed() throws {
    let fixture = try ProofFixture()
    let entry = fixture.entries[Int(fixture.index)]
    let bytes = fixture.proof.log.bytes
    for place in bytes.indices {
      for flip: UInt8 in [1, 4, 0x20] {
        var changed = bytes
        changed[place] ^= flip
        #expect(throws: VarveError.self, "byte \(place)") {
          try ProvedEntry(entry, try LogProof(changed, "proof"), key: fixture.key)
        }
      }
    }
    for place in entry.indices {
      var changed = entry
      changed[place] ^= 1
      #expect(throws: VarveError(.unproved, "")) {
        try ProvedEntry(changed, fixture.proof.log, key: fixture.key)
      }
    }
  }

  @Test func malformedProofsAreRefused() throws {
    let text = String(decoding: try ProofFixture().proof.log.bytes, as: UTF8.self)
    let changes: [(String, String)] = [
      ("tlog-proof@v1", "tlog-proof@v2"), ("index 4", "index 04"), ("index 4", "index -4"),
      ("index 4", "index +4"), ("index 4", "index  4"), ("index 4", "index 18446744073709551616"),
      ("index 4\n", ""), ("index 4\n", "index 4\nindex 4\n"), ("index 4\n", "extra AA\nindex 4\n"),
      ("index 4\n", "extra AA==\nextra AA==\nindex 4\n"), ("index 4\n", "index 4\nAAAA\n"),
      ("index 4\n", "index 4\r\n"), ("=\n\n", "=\n"), ("=\n\n", "=\n\n\n"), ("c2sp", " c2sp"),
    ]
    for (old, new) in changes {
      let range = try #require(text.firstRange(of: old), "\(old)")
      var changed = text
      changed.replaceSubrange(range, with: new)
      #expect(throws: VarveError(.damaged, ""), "\(new)") {
        try LogProof(Array(changed.utf8), "proof")
      }
    }
    let longest =
      "index 4\n" + String(repeating: Base64.encode(Digest.zero.bytes) + "\n", count: 61)
    let range = try #require(text.firstRange(of: "index 4\n"))
    var changed = text
    changed.replaceSubrange(range, with: longest)
    #expect(throws: VarveError(.damaged, "")) { try LogProof(Array(changed.utf8), "proof") }
    #expect(throws: VarveError(.damaged, "")) { try LogProof([], "proof") }
    #expect(throws: VarveError(.damaged, "")) {
      try LogProof([UInt8](repeating: 10, count: LogProof.largestByteCount + 1), "proof")
    }
  }
}
