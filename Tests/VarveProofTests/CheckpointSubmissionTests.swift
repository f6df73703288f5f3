import Testing
import VarveFormat
import VarveProof

@Suite struct CheckpointSubmissionTests {
  // The example of c2sp.org/tlog-witness.
  static let example = """
    old 20852014
    PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
    jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
    5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
    /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

    example.com/behind-the-sofa
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
    — example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=

    """

  @Test func theExample() throws {
    let submission = try CheckpointSubmission(Array(Self.example.utf8))
    #expect(submission.oldSize == 20_852_014)
    #expect(submission.proof.count == 4)
    #expect(submission.proof[0].bytes.prefix(3) == [0x3e, 0x54, 0x4d])
    #expect(submission.note.signatures.count == 2)
    #expect(try Checkpoint(text: submission.note.text, "c").head.size == 20_852_163)
    #expect(submission.bytes == Array(Self.example.utf8))
  }

  @Test func requestsThatAreNone() {
    let note = NoteTests.checkpoint
    let hash = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
    for text in [
      "", "\n", "\n\n", "old 0\n", "old 0\n\n", "old 0\n\n\(note.dropLast())", "\(note)",
      "old 00\n\n\(note)", "old -1\n\n\(note)", "old +1\n\n\(note)", "old 1 \n\n\(note)",
      "old  1\n\n\(note)", "Old 1\n\n\(note)", "old\n\n\(note)", "old x\n\n\(note)",
      "old 18446744073709551616\n\n\(note)", "old 1\r\n\n\(note)",
      "old 1\n\(hash.dropLast(2))\n\n\(note)", "old 1\nAAAA\n\n\(note)", "old 1\n \(hash)\n\(note)",
      "old 1\n" + String(repeating: hash, count: 64) + "\n" + note,
      "old 1\n\n" + note + String(repeating: "x", count: 64 << 10),
    ] {
      #expect(throws: VarveError(.damaged, ""), "\(text.prefix(60))") {
        try CheckpointSubmission(Array(text.utf8))
      }
    }
    let full = "old 1\n" + String(repeating: hash, count: 63) + "\n" + note
    #expect(throws: Never.self) { try CheckpointSubmission(Array(full.utf8)) }
  }
}
