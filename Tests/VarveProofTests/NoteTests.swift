import Testing
import VarveCrypto
import VarveFormat
import VarveProof

@Suite struct NoteTests {
  // The example in the documentation of golang.org/x/mod/sumdb/note.
  static let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
  static let seed = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
  static let text =
    "If you think cryptography is the answer to your problem,\n"
    + "then you don't know what your problem is.\n"
  static let note =
    text + "\n— PeterNeumann "
    + "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"

  static func signer(_ name: String = "PeterNeumann") throws -> NoteSigner {
    let bytes = try #require(Base64.decode(seed)).dropFirst()
    return try NoteSigner(
      name: name, key: Ed25519SigningKey(seed: SecretBytes(copying: Array(bytes))))
  }

  @Test func thePublishedNoteVerifiesAndIsSignedAlike() throws {
    let key = try VerifierKey(text: Self.key)
    #expect(key.name == "PeterNeumann")
    #expect(key.keyID == 0xc74f_20a3)
    #expect(key.text == Self.key)
    let note = try SignedNote(Array(Self.note.utf8), "note")
    #expect(note.text == Self.text)
    #expect(try note.verify(by: [key], "note") == [key])
    #expect(note.bytes == Array(Self.note.utf8))
    let signed = try SignedNote(signing: Self.text, with: Self.signer())
    #expect(signed.bytes == Array(Self.note.utf8))
  }

  @Test(arguments: [
    "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
    "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop",
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
  ])
  func publishedKeys(_ text: String) throws {
    #expect(try VerifierKey(text: text).text == text)
  }

  @Test(arguments: [
    "", "PeterNeumann", "PeterNeumann+c74f20a3",
    "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW=",
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWAAAA",
    "PeterNeumann+c74f20a3+!!!!",
  ])
  func otherKeysAreRefused(_ text: String) {
    #expect(throws: VarveError(.damaged, "")) { try VerifierKey(text: text) }
  }

  @Test func everyChangedByteIsNoticed() throws {
    let key = try VerifierKey(text: Self.key)
    let bytes = Array(Self.note.utf8)
    for index in bytes.indices {
      for flip: UInt8 in [0x01, 0x20, 0x80] {
        var changed = bytes
        changed[index] ^= flip
        #expect(throws: VarveError(.damaged, ""), "byte \(index)") {
          try SignedNote(changed, "note").verify(by: [key], "note")
        }
      }
      #expect(throws: VarveError(.damaged, "")) {
        try SignedNote(Array(bytes[..<index]), "note").verify(by: [key], "note")
      }
    }
  }

  @Test func signaturesOfOthersAreIgnored() throws {
    let key = try VerifierKey(text: Self.key)
    // A line for a key of the same name and another id, then one for another name.
    let own = Self.note.split(separator: "\n").last.map(String.init)!
    let sameName = "— PeterNeumann AAAAAAAAAAA="
    let note = "\(Self.text)\n\(sameName)\n— witness.example AAAAAAAAAAA=\n\(own)\n"
    let parsed = try SignedNote(Array(note.utf8), "note")
    #expect(parsed.signatures.count == 3)
    #expect(try parsed.verify(by: [key], "note") == [key])
    let other = try VerifierKey(
      text: "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop")
    #expect(throws: VarveError(.damaged, "")) { try parsed.verify(by: [other], "note") }
    #expect(throws: VarveError(.damaged, "")) { try parsed.verify(by: [], "note") }
    // A second, bad signature of a known key spoils the note.
    let spoiled = "\(Self.note)— PeterNeumann x08go/AA\n"
    let bad = try SignedNote(Array(spoiled.utf8), "note")
    #expect(throws: VarveError(.damaged, "")) { try bad.verify(by: [key], "note") }
  }

  @Test(arguments: [
    "", "\n", "\n\n", "text\n", "text\n\n", "text\n\nno dash\n", "text\n\n— name\n",
    "text\n\n— name \n", "text\n\n— name AAAA\n", "text\n\n—  AAAAAAAA\n",
    "text\n\n— na me AAAAAAAA\n", "text\n\n— na+me AAAAAAAA\n", "text\n\n— name AAAAAAAA",
    "text\r\n\n— name AAAAAAAA\n", "text\n\n— name AAAAAAA=\n\n", "text\n\n— name AAAAAAA\n",
    "te\u{0}xt\n\n— name AAAAAAAA\n",
  ])
  func malformedNotes(_ text: String) {
    #expect(throws: VarveError(.damaged, "")) { try SignedNote(Array(text.utf8), "note") }
  }

  @Test func aNoteMayHaveEmptyLinesButNotTooManySignatures() throws {
    let note = try SignedNote(Array("a\n\nb\n\n— name AAAAAAAA\n".utf8), "note")
    #expect(note.text == "a\n\nb\n")
    let many = "a\n\n" + String(repeating: "— name AAAAAAAA\n", count: 101)
    #expect(throws: VarveError(.damaged, "")) { try SignedNote(Array(many.utf8), "note") }
    #expect(throws: VarveError(.usage, "")) {
      try SignedNote(signing: "no line end", with: Self.signer())
    }
  }

  // The example of c2sp.org/tlog-checkpoint.
  static let checkpoint = """
    example.com/behind-the-sofa
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — example.com/behind-the-sofa \
    Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=

    """

  @Test func checkpoints() throws {
    let note = try SignedNote(Array(Self.checkpoint.utf8), "checkpoint")
    let checkpoint = try Checkpoint(text: note.text, "checkpoint")
    #expect(checkpoint.origin == "example.com/behind-the-sofa")
    #expect(checkpoint.head.size == 20_852_163)
    #expect(checkpoint.head.root.bytes.prefix(4) == [0x0a, 0xc5, 0x18, 0x6a])
    #expect(checkpoint.text == note.text)
    #expect(note.bytes == Array(Self.checkpoint.utf8))
    let extended = Checkpoint(origin: "o", head: .empty, extensions: ["x 1", "y"])
    #expect(try Checkpoint(text: extended.text, "checkpoint") == extended)
  }

  @Test(arguments: [
    "", "o\n", "o\n1\n", "o\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
    "o\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
    "o\n+1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
    "o\n18446744073709551616\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
    "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n", "o\n1\nAAAA\n",
    "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n",
    "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
  ])
  func malformedCheckpoints(_ text: String) {
    #expect(throws: VarveError(.damaged, "")) { try Checkpoint(text: text, "checkpoint") }
  }

  @Test func aCheckpointOfAnotherLogIsRefused() throws {
    let signer = try Self.signer("log/a")
    let key = signer.verifierKey
    let head = TreeHead(size: 3, root: MerkleTests.tree(3).head.root)
    let note = try Checkpoint(origin: "log/a", head: head).signed(by: signer).bytes
    #expect(
      try Checkpoint(note: note, signedBy: key, origin: "log/a", "checkpoint").head == head)
    #expect(throws: VarveError(.damaged, "")) {
      try Checkpoint(note: note, signedBy: key, origin: "log/b", "checkpoint")
    }
  }
}
