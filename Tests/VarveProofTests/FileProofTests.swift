import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveTestSupport

@Suite struct FileProofTests {
  @Test func aFileIsProvedFromItsFieldsToTheCheckpoint() throws {
    let fixture = try ProofFixture()
    let bytes = fixture.proof.bytes
    let proof = try FileProof(bytes, "proof")
    #expect(proof == fixture.proof)
    #expect(proof.bytes == bytes)
    let proved = try proof.verify(by: fixture.key)
    let file = try #require(proved.files.first)
    #expect(file.path == Array("/docs/letters/will.txt".utf8))
    #expect(file.size == UInt64(ProofFixture.content.count))
    #expect(file.digest == SHA256.digest(ProofFixture.content))
    #expect(file.metadata?.attributes.mode == 0o640)
    #expect(file.metadata?.user == Array("ada".utf8))
    #expect(proved.addition.snapshot == Digest(4, 4, 4, 4))
    #expect(proved.entry.statement.position.index == fixture.index)
  }

  @Test func whatIsNotDisclosedIsNotInTheProof() throws {
    let fixture = try ProofFixture(opens: false, metadata: false)
    let file = try #require(try fixture.proof.verify(by: fixture.key).files.first)
    #expect(file.path == nil)
    #expect(file.metadata == nil)
    #expect(file.digest == SHA256.digest(ProofFixture.content))
    let text = String(decoding: fixture.proof.bytes, as: UTF8.self)
    for name in ["docs", "letters", "will.txt", "ada", "other"] {
      #expect(!text.contains("\"\(name)"))
    }
  }

  @Test func anEmptyFileIsProved() throws {
    let fixture = try ProofFixture(content: [])
    let file = try #require(try fixture.proof.verify(by: fixture.key).files.first)
    #expect(file.size == 0)
    #expect(file.digest == SHA256.digest([]))
  }

  /// Two snapshots that differ in files which are not disclosed: the proofs look the same but for hashes.
  @Test func proofsOfOtherSiblingsHaveTheSameShape() throws {
    func shape(_ proof: FileProof) -> [Int] {
      let json = String(decoding: proof.bytes, as: UTF8.self)
      return json.split(separator: ",").map(\.count)
    }
    let one = try ProofFixture(opens: false, metadata: false)
    let two = try ProofFixture(opens: false, metadata: false, other: "a much longer name")
    #expect(one.proof.tree != two.proof.tree)
    #expect(shape(one.proof) == shape(two.proof))
  }

  @Test func everyChangedByteIsNoticed() throws {
    let fixture = try ProofFixture()
    let bytes = fixture.proof.bytes
    for place in bytes.indices {
      var changed = bytes
      changed[place] ^= UInt8(1) << UInt8(place % 7)
      #expect(throws: VarveError.self, "byte \(place)") {
        _ = try FileProof(changed, "proof").verify(by: fixture.key)
      }
    }
  }

  /// Each link, broken by somebody who makes well-formed proofs.
  @Test func everyLinkIsVerified() throws {
    let fixture = try ProofFixture()
    let key = fixture.key
    func refuses(_ what: String, _ change: (inout FileProof) -> Void) {
      var proof = fixture.proof
      change(&proof)
      #expect(throws: VarveError(.unproved, ""), "\(what)") { try proof.verify(by: key) }
      #expect(throws: VarveError.self, "\(what)") {
        try FileProof(proof.bytes, "proof").verify(by: key)
      }
    }
    refuses("another size") { $0.files[0].size += 1 }
    refuses("another digest") { $0.files[0].digest = Digest(1, 2, 3, 4) }
    refuses("another salt") { $0.files[0].salt = Digest(1, 2, 3, 4) }
    refuses("another name") {
      guard case .opened(let salt, _) = $0.files[0].place.name else { return }
      $0.files[0].place.name = .opened(salt: salt, value: Array("won't".utf8))
    }
    refuses("other metadata") {
      guard case .opened(let salt, var meta) = $0.files[0].place.metadata else { return }
      meta[meta.count - 1] ^= 1
      $0.files[0].place.metadata = .opened(salt: salt, value: meta)
    }
    refuses("another place") { $0.files[0].place.index -= 1 }
    refuses("a place beyond the directory") { $0.files[0].place.index += 1_000 }
    refuses("a shorter path") { $0.files[0].place.path.removeLast() }
    refuses("a longer path") { $0.files[0].place.path.append(Digest(1, 1, 1, 1)) }
    refuses("a turned path") { $0.files[0].place.path.reverse() }
    refuses("a larger directory") { $0.files[0].directories[1].entryCount += 1 }
    refuses("another directory") { $0.files[0].directories[1].root = Digest(1, 1, 1, 1) }
    refuses("a level too few") { $0.files[0].directories.removeLast() }
    refuses("a level twice") { $0.files[0].directories.append($0.files[0].directories[1]) }
    refuses("another tree") { $0.tree.root = Digest(1, 1, 1, 1) }
    refuses("a larger tree") { $0.tree.entryCount += 1 }
    refuses("another tree salt") { $0.tree.salt = Digest(1, 1, 1, 1) }
    refuses("another author") { $0.authorKey[0] ^= 1 }
    refuses("another index") {
      $0.log = LogProof(index: $0.log.index + 1, path: $0.log.path, checkpoint: $0.log.checkpoint)
    }
    refuses("another entry") {
      guard let other = try? DSSEEnvelope(fixture.entries[0], "entry") else { return }
      $0.entry = other
    }
  }

  @Test func otherSnapshotsAndRepositoriesProveNothing() throws {
    let fixture = try ProofFixture()
    let other = try ProofFixture(content: Array("another will\n".utf8))
    // The file of one snapshot, and the entry of another.
    var mixed = fixture.proof
    mixed.files = other.proof.files
    #expect(throws: VarveError(.unproved, "")) { try mixed.verify(by: fixture.key) }
    mixed = fixture.proof
    mixed.files = other.proof.files
    mixed.tree = other.proof.tree
    #expect(throws: VarveError(.unproved, "")) { try mixed.verify(by: fixture.key) }
    // Another repository's log.
    let foreign = try ProofFixture(seed: 5)
    #expect(throws: VarveError(.unproved, "")) { try foreign.proof.verify(by: fixture.key) }
    // An entry of another kind, and one of an older program.
    let receipt = try ProofFixture(logLength: 9)
    var wrong = receipt.proof
    wrong.entry = try DSSEEnvelope(receipt.entries[0], "entry")
    wrong.log = try ProofFixture.logProof(of: 0, in: receipt.tree, receipt.signer)
    #expect(throws: VarveError(.unproved, "")) { try wrong.verify(by: receipt.key) }
    let old = try ProofFixture(commits: false)
    #expect(throws: VarveError(.unproved, "")) { try old.proof.verify(by: old.key) }
  }

  @Test func aDirectoryOrALinkIsNotShownAsAFile() throws {
    // A directory's leaf, given as a file's.
    let fixture = try ProofFixture()
    var proof = fixture.proof
    let last = proof.files[0].directories.removeLast()
    proof.files[0].place = last.place
    #expect(throws: VarveError(.unproved, "")) { try proof.verify(by: fixture.key) }
    // Metadata of something else than a file.
    var body = try ProofFixture.body("x", .fifo, .none)
    let fields = try body.withUnsafeBytes { try CommitmentFields(body: $0) }
    body = Array(body[fields.meta])
    #expect(try EntryMetadata(decoding: body).attributes.type == .fifo)
    // No link's target is a size and a digest: it would have a zero byte.
    proof = fixture.proof
    proof.files[0].size = 1 << 56
    #expect(throws: VarveError(.damaged, "")) { try FileProof(proof.bytes, "proof") }
  }

  @Test func otherSpellingsAreRefused() throws {
    let fixture = try ProofFixture()
    let text = String(decoding: fixture.proof.bytes, as: UTF8.self)
    let salt = fixture.proof.files[0].salt.hex
    let changes: [(String, String)] = [
      (#""index":5"#, #""index":05"#), (#""index":5"#, #""index":5.0"#),
      (#""index":5"#, #""index":-5"#), (#""index":5"#, #""index":"5""#),
      (#""index":5"#, #""index":5,"index":5"#), (#""index":5"#, #""index":5,"zeal":1"#),
      (#""index":5"#, #" "index":5"#), (#"{"authorKey""#, #"{"a":1,"authorKey""#),
      (salt, salt.uppercased()), (salt, String(salt.dropLast())),
      (#""size":13"#, #""size":9007199254740992"#), (#""size":13"#, #""size":0"#),
      ("varve file proof v1", "a file proof"), (#""files":[{"#, #""files":[1,{"#),
      ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"), (#""value":"docs""#, #""value":"..""#),
      (#""value":"docs""#, #""value":"a/b""#), (#""value":"docs""#, #""value":"do\u0063s""#),
      ("=\"", "\""),
    ]
    for (old, new) in changes {
      let range = try #require(text.firstRange(of: old), "\(old)")
      var changed = text
      changed.replaceSubrange(range, with: new)
      #expect(throws: VarveError(.damaged, ""), "\(new)") {
        try FileProof(Array(changed.utf8), "proof")
      }
    }
    let newer = text.replacing("varve file proof v1", with: "varve file proof v2")
    #expect(throws: VarveError(.unsupportedFormat, "")) {
      try FileProof(Array(newer.utf8), "proof")
    }
    var none = fixture.proof
    none.files = []
    #expect(throws: VarveError(.damaged, "")) { try FileProof(none.bytes, "proof") }
    none.files = [fixture.proof.files[0]]
    none.files[0].directories[0].place.name = .hidden(.zero)
    #expect(throws: VarveError(.damaged, "")) { try FileProof(none.bytes, "proof") }
    none.files[0] = fixture.proof.files[0]
    none.files[0].directories[0].place.metadata = .opened(salt: .zero, value: [])
    #expect(throws: VarveError(.damaged, "")) { try FileProof(none.bytes, "proof") }
  }

  static let released = ReleasedContent(
    blocks: [
      .init(
        pack: Digest(1, 1, 1, 1), ordinal: 3, offset: 128, length: 100,
        key: [UInt8](repeating: 5, count: 32)),
      .init(
        pack: Digest(1, 1, 1, 1), ordinal: 4, offset: 228, length: 90,
        key: [UInt8](repeating: 6, count: 32)),
    ],
    chunks: [
      .init(block: 0, offset: 2, length: 4, digest: Digest(2, 2, 2, 2)),
      .init(block: 1, offset: 0, length: 3, digest: Digest(3, 3, 3, 3)),
      .init(block: 0, offset: 2, length: 4, digest: Digest(2, 2, 2, 2)),
    ], holes: [Hole(offset: 0, length: 1), Hole(offset: 5, length: 1)])

  @Test func releasedContentIsRead() throws {
    var proof = try ProofFixture().proof
    proof.files[0].content = Self.released
    #expect(try FileProof(proof.bytes, "proof") == proof)
    func refuses(_ what: String, _ change: (inout ReleasedContent) -> Void) {
      var wrong = proof
      var content = Self.released
      change(&content)
      wrong.files[0].content = content
      #expect(throws: VarveError(.damaged, ""), "\(what)") { try FileProof(wrong.bytes, "proof") }
    }
    refuses("a chunk too few") { $0.chunks.removeLast() }
    refuses("a block too many") { $0.blocks.append($0.blocks[0]) }
    refuses("a block that is not there") { $0.chunks[1].block = 2 }
    refuses("blocks in another order") { $0.chunks[0].block = 1 }
    refuses("an empty chunk") { $0.chunks[0].length = 0 }
    refuses("a chunk that is too long") { $0.chunks[0].length = 64 << 20 + 1 }
    refuses("a short key") { $0.blocks[0].key.removeLast() }
    refuses("a block in the header") { $0.blocks[0].offset = 127 }
    refuses("a block too short") { $0.blocks[0].length = 17 }
    refuses("an ordinal that no block has") { $0.blocks[0].ordinal = 65_535 }
    refuses("holes that touch") { $0.holes[1].touch(1) }
    refuses("a hole behind the end") { $0.holes[1].touch(13) }
    refuses("an empty hole") { $0.holes[0] = Hole(offset: 0, length: 0) }
    refuses("holes that overflow") {
      $0.holes = [Hole(offset: 1, length: UInt64(1) << 53 - 1)]
    }
    refuses("another order of holes") { $0.holes.reverse() }
  }

  @Test func mutatedProofsNeverTrap() throws {
    var proof = try ProofFixture().proof
    proof.files[0].content = Self.released
    let bytes = proof.bytes
    var generator = SeededGenerator(seed: 81)
    for _ in 0..<3_000 {
      var changed = bytes
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0..<changed.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: changed[place] = UInt8(truncatingIfNeeded: generator.next())
        case 1: changed.remove(at: place)
        default: changed.insert(UInt8(ascii: "0") + UInt8(place % 10), at: place)
        }
      }
      if let read = try? FileProof(changed, "proof") { #expect(read.bytes == changed) }
    }
  }
}

extension Hole {
  fileprivate mutating func touch(_ offset: UInt64) { self = Hole(offset: offset, length: length) }
}
