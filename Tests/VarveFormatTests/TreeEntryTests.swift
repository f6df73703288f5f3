import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveTestSupport

@Suite struct TreeEntryTests {
  private let proofKey = HMACSHA256(key: SecretBytes(copying: Array(0..<32)))

  @Test func entriesMatchTheVectors() throws {
    for record in try VectorFile.records("tree-entries.txt") {
      let body = try record.bytes("body")
      try expectResult(record) {
        let recoded = try recode(body)
        #expect(recoded == body)
        let root = try body.withUnsafeBytes { try proofRoot(of: $0) }
        let expected = try record.text("leaf")
        #expect(root.hex == expected, "\(record)")
      }
      if try record.text("result") != "ok" {
        #expect(throws: VarveError.self, "\(record)") {
          try body.withUnsafeBytes { _ = try CommitmentFields(body: $0) }
        }
      }
    }
  }

  /// Of a directory with this one entry, which is the leaf's hash.
  private func proofRoot(of body: UnsafeRawBufferPointer) throws -> Digest {
    var builder = ProofRootBuilder(proofKey: proofKey)
    builder.add(body: body, fields: try CommitmentFields(body: body))
    return builder.root
  }

  private func recode(_ body: [UInt8]) throws -> [UInt8] {
    try body.withUnsafeBytes { try TreeEntry(body: $0) }.encode()
  }

  @Test func mutatedEntriesNeverTrap() throws {
    for record in try VectorFile.records("tree-entries.txt")
    where try record.text("result") == "ok" {
      Mutation(seed: 21, rounds: 1_500).expectSafe(try record.bytes("body")) { bytes in
        let entry = try TreeEntry(body: bytes)
        _ = try CommitmentFields(body: bytes)
        return try entry.encode()
      }
    }
  }

  @Test func randomEntriesComeBackAndTheirFieldsAreFound() throws {
    var generator = SeededGenerator(seed: 22)
    for _ in 0..<3_000 {
      let entry = TreeEntry.random(&generator)
      var writer = ByteWriter()
      writer.raw([1, 2, 3])
      let fields = try TreeEntryEncoder.append(entry, to: &writer)
      let body = Array(writer.bytes[3...])
      let decoded = try body.withUnsafeBytes { try TreeEntry(body: $0) }
      let found = try body.withUnsafeBytes { try CommitmentFields(body: $0) }
      #expect(decoded == entry)
      #expect(found == fields)
      #expect(Array(body[fields.name]) == entry.name)
    }
  }

  @Test func whatIsOutOfBoundsIsNotWritten() throws {
    var generator = SeededGenerator(seed: 23)
    let good = TreeEntry(
      name: Array("a".utf8),
      attributes: EntryAttributes(
        type: .file, mode: 0o644, uid: 0, gid: 0,
        modified: FileTime(seconds: 0, nanoseconds: 0)),
      content: .file(.empty))
    let one = ChunkReference(address: generator.digest(), length: 6)
    func file(
      _ size: UInt64, _ form: FileContent.Form, _ holes: [Hole] = []
    ) -> TreeEntry.Content {
      .file(FileContent(size: size, form: form, holes: holes, digest: .zero))
    }
    let changes: [(inout TreeEntry) -> Void] = [
      { $0.name = [] }, { $0.name = Array("..".utf8) }, { $0.name = Array("a/b".utf8) },
      { $0.name = [0] }, { $0.name = [UInt8](repeating: 97, count: 4_097) },
      { $0.attributes.mode = 0o10000 }, { $0.attributes.modified.nanoseconds = 1_000_000_000 },
      { $0.user = [] }, { $0.group = [UInt8](repeating: 97, count: 257) },
      { $0.extendedAttributes = [ExtendedAttribute(name: [], value: [])] },
      { $0.extendedAttributes = [ExtendedAttribute(name: [0], value: [])] },
      {
        $0.extendedAttributes = [
          ExtendedAttribute(name: [97], value: []), ExtendedAttribute(name: [97], value: [1]),
        ]
      },
      {
        let value = [UInt8](repeating: 0, count: 65_537)
        $0.extendedAttributes = [ExtendedAttribute(name: [97], value: value)]
      },
      {
        $0.extendedAttributes = (0..<600).map {
          ExtendedAttribute(name: Array("\($0)".utf8), value: [UInt8](repeating: 0, count: 65_536))
        }
      },
      { $0.content = .none }, { $0.content = .link([97]) },
      { $0.content = file(1 << 63, .chunks([one])) }, { $0.content = file(7, .chunks([one])) },
      { $0.content = file(5, .chunks([one])) },
      { $0.content = file(33 * 6, .chunks([ChunkReference](repeating: one, count: 33))) },
      {
        $0.content = file(
          8, .chunks([one]), [Hole(offset: 0, length: 1), Hole(offset: 1, length: 1)])
      },
      { $0.content = file(6, .chunks([one]), [Hole(offset: 0, length: 0)]) },
      { $0.content = file(8, .chunks([one]), [Hole(offset: 7, length: 2)]) },
      {
        $0.attributes.type = .directory
        $0.attributes.isHardLinked = true
        $0.content = .directory(DirectoryContent(id: .zero, proofRoot: .zero, entryCount: 0))
      },
      {
        $0.attributes.type = .link
        $0.content = .link([])
      },
      {
        $0.attributes.type = .link
        $0.content = .link([97, 0])
      },
      {
        $0.attributes.type = .link
        $0.content = .link([UInt8](repeating: 97, count: 65_536))
      },
    ]
    for (number, change) in changes.enumerated() {
      var entry = good
      change(&entry)
      var writer = ByteWriter()
      writer.raw([9])
      #expect(throws: VarveError(.usage, ""), "change \(number)") {
        try TreeEntryEncoder.append(entry, to: &writer)
      }
      #expect(writer.bytes == [9], "change \(number) leaves the writer as it was")
    }
    #expect(try good.encode().isEmpty == false)
  }
}
