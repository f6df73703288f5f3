import Testing
import VarveCrypto
import VarveFormat
import VarveProof

@Suite struct CosignatureTests {
  // Made with Python's cryptography from the rules of c2sp.org/tlog-cosignature; the checkpoint is its example's.
  static let key = "witness.example/w1+24b5d9fe+BP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY"
  static let privateKey =
    "PRIVATE+KEY+witness.example/w1+24b5d9fe+BAkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJ"
  static let line =
    "— witness.example/w1 JLXZ/gAAAABkGFDLSEwbtADY9t5XeSzDTVuiqYN5nZfoc9NQOUgkPYm4wwjIUL68Nczz1tpzCj"
    + "npmnRXttgqVVwOg3WfE7AXqa+DAg==\n"
  static let time: Int64 = 1_679_315_147

  static func signer(_ name: String = "witness.example/w1", seed: UInt8 = 9) throws
    -> WitnessSigner
  {
    let bytes = [UInt8](repeating: seed, count: 32)
    return try WitnessSigner(name: name, seed: SecretBytes(copying: bytes))
  }

  static func note() throws -> SignedNote { try SignedNote(Array(NoteTests.checkpoint.utf8), "n") }

  @Test func theVectorVerifiesAndIsSignedAlike() throws {
    let key = try WitnessKey(text: Self.key)
    #expect(key.text == Self.key)
    #expect(key.name == "witness.example/w1" && key.keyID == 0x24b5_d9fe)
    let signer = try Self.signer()
    #expect(signer.key == key)
    let note = try Self.note()
    let signature = try signer.cosign(note.text, at: Self.time)
    #expect(signature.line == Array(Self.line.utf8))
    let cosigned = note.adding([signature, signature])
    #expect(cosigned.bytes == Array((NoteTests.checkpoint + Self.line).utf8))
    let found = try SignedNote(cosigned.bytes, "note").cosignatures(by: [key], "note")
    #expect(found.map(\.time) == [Timestamp(seconds: Self.time)])
    #expect(found.map(\.witness) == [key])
    #expect(try cosigned.cosignatures(by: [], "note").isEmpty)
  }

  @Test func privateKeysAsText() throws {
    for text in [Self.privateKey, Self.privateKey + "\n"] {
      let signer = try WitnessSigner(text: SecretBytes(copying: Array(text.utf8)), "key")
      #expect(signer.key.text == Self.key)
    }
    let seed = SecretBytes(copying: [UInt8](repeating: 9, count: 32))
    let written = try WitnessSigner.text(name: "witness.example/w1", seed: seed)
    #expect(written.withUnsafeBytes { Array($0) } == Array((Self.privateKey + "\n").utf8))
    let bytes = Array(Self.privateKey.utf8)
    for index in bytes.indices {
      for flip: UInt8 in [1, 0x20, 0x80] {
        var changed = bytes
        changed[index] ^= flip
        #expect(throws: VarveError(.damaged, ""), "byte \(index)") {
          _ = try WitnessSigner(text: SecretBytes(copying: changed), "key").key
        }
      }
      #expect(throws: VarveError(.damaged, "")) {
        _ = try WitnessSigner(text: SecretBytes(copying: Array(bytes[..<index])), "key").key
      }
    }
  }

  /// A log's key verifies no cosignature, and a witness's no note.
  @Test func keysOfOneKindAreNoneOfTheOther() throws {
    #expect(throws: VarveError(.damaged, "")) { try WitnessKey(text: NoteTests.key) }
    #expect(throws: VarveError(.damaged, "")) { try VerifierKey(text: Self.key) }
    let witness = try WitnessKey(text: Self.key)
    let log = try VerifierKey(name: witness.name, publicKey: witness.publicKey)
    #expect(log.keyID != witness.keyID)
  }

  @Test func everyChangedByteIsNoticed() throws {
    let key = try WitnessKey(text: Self.key)
    let bytes = Array((NoteTests.checkpoint + Self.line).utf8)
    let whole = try SignedNote(bytes, "note")
    let others = whole.filtered { $0.name != key.name }.bytes.count
    for index in bytes.indices {
      for flip: UInt8 in [0x01, 0x20, 0x80] {
        var changed = bytes
        changed[index] ^= flip
        guard let note = try? SignedNote(changed, "note") else { continue }
        guard let found = try? note.cosignatures(by: [key], "note"), !found.isEmpty else {
          continue
        }
        // Only the log's own signature line may have changed, which is not this key's matter.
        #expect(note.text == whole.text, "byte \(index)")
        #expect(index < others, "byte \(index)")
      }
    }
  }

  @Test func timesThatNoCosignatureCanState() throws {
    let signer = try Self.signer()
    let note = try Self.note()
    for time: Int64 in [0, -1, .min, .max, 253_402_300_800] {
      #expect(throws: VarveError(.usage, "")) { try signer.cosign(note.text, at: time) }
    }
    // Signed all the same, by somebody else's program.
    let key = try Ed25519SigningKey(seed: SecretBytes(copying: [UInt8](repeating: 9, count: 32)))
    for time: UInt64 in [0, 1, 253_402_300_799, 253_402_300_800, 1 << 63, .max] {
      let message = Array("cosignature/v1\ntime \(time)\n\(note.text)".utf8)
      let bytes = (0..<8).map { UInt8(truncatingIfNeeded: time >> UInt64(56 - 8 * $0)) }
      let signature = SignedNote.Signature(
        name: signer.key.name, keyID: signer.key.keyID, bytes: bytes + (try key.sign(message)))
      let cosigned = note.adding([signature])
      if Cosignature.times.contains(Int64(clamping: time)), time < 1 << 62 {
        #expect(try cosigned.cosignatures(by: [signer.key], "note").count == 1)
      } else {
        #expect(throws: VarveError(.damaged, ""), "\(time)") {
          try cosigned.cosignatures(by: [signer.key], "note")
        }
      }
    }
  }

  /// One that is wrong spoils the note, as the specification of signed notes has it; a stranger's does not.
  @Test func signaturesOfStrangersAreIgnored() throws {
    let note = try Self.note()
    let own = try Self.signer().cosign(note.text, at: 7)
    let other = try Self.signer("witness.example/w2", seed: 8).cosign(note.text, at: 8)
    let key = try WitnessKey(text: Self.key)
    let both = note.adding([other, own])
    #expect(try both.cosignatures(by: [key], "note").map(\.time.seconds) == [7])
    let stolen = SignedNote.Signature(name: own.name, keyID: own.keyID, bytes: other.bytes)
    #expect(throws: VarveError(.damaged, "")) {
      try note.adding([own, stolen]).cosignatures(by: [key], "note")
    }
    let short = SignedNote.Signature(
      name: own.name, keyID: own.keyID, bytes: Array(own.bytes.dropLast()))
    #expect(throws: VarveError(.damaged, "")) {
      try note.adding([short]).cosignatures(by: [key], "note")
    }
    // The same name with another key id is another key.
    let unknown = SignedNote.Signature(name: own.name, keyID: 1, bytes: other.bytes)
    #expect(try note.adding([unknown, own]).cosignatures(by: [key], "note").count == 1)
  }

  /// A cosignature is over one checkpoint and nothing else.
  @Test func aCosignatureIsNoneOverAnotherCheckpoint() throws {
    let note = try Self.note()
    let signature = try Self.signer().cosign(note.text, at: Self.time)
    let head = TreeHead(size: 5, root: Digest(1, 2, 3, 4))
    let log = try NoteTests.signer("example.com/behind-the-sofa")
    let another = try Checkpoint(origin: "example.com/behind-the-sofa", head: head)
      .signed(by: log).adding([signature])
    #expect(throws: VarveError(.damaged, "")) {
      try another.cosignatures(by: [WitnessKey(text: Self.key)], "note")
    }
  }
}
