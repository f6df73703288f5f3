import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage

extension ParserTarget {
  static let proofTargets: [ParserTarget] = [
    ParserTarget(
      "log-proof",
      tokens: ["c2sp.org/tlog-proof@v1\n", "extra ", "index ", "index 0\n", "\n\n", "\u{2014} "],
      seeds: { [try logProof().bytes, try logProof(extra: [1, 2, 3]).bytes] },
      recode: { bytes in
        let proof = try LogProof(bytes, "log proof")
        let key = try VerifierKey(text: FuzzRepository.shared.config.logKey)
        use(try? proof.verify(entry: try entry(), by: key))
        return proof.bytes
      }),
    ParserTarget(
      "file-proof",
      tokens: [
        "varve file proof v1", "\"levels\":[", "\"path\":[", "\"salt\":\"", "\"value\":\"",
        "\"content\":{", "\"blocks\":[", "\"chunks\":[", "\"holes\":[", "\"entries\":",
        "\"authorKey\":\"", "9007199254740991", "72057594037927936",
      ],
      seeds: { [try fileProof(released: nil).bytes, try fileProof(released: content).bytes] },
      recode: { bytes in
        let proof = try FileProof(bytes, "file proof")
        let key = try VerifierKey(text: FuzzRepository.shared.config.logKey)
        use(try? proof.verify(by: key))
        for file in proof.files {
          guard let content = file.content else { continue }
          let reader = try ReleasedContentReader(
            storage: FuzzRepository.shared.storage, repository: FuzzRepository.shared.config.id)
          use(try? reader.read(content, size: file.size, digest: file.digest) { use($0.count) })
        }
        return proof.bytes
      }),
    ParserTarget(
      "entry-metadata", seeds: { [meta, [1, 0, 0, 0, 0, 0, 0]] },
      recode: { bytes in
        use(try EntryMetadata(decoding: bytes).attributes.mode)
        return nil
      }),
  ]

  private static func entry() throws -> [UInt8] {
    let entries = try EntryBundle.entries(
      of: FuzzRepository.shared.firstCommit, limit: 255, "first commit")
    guard let entry = entries.first else { throw Broken("a commit without entries") }
    return entry
  }

  private static func logProof(extra: [UInt8]? = nil) throws -> LogProof {
    let note = try SignedNote(
      try FuzzRepository.shared.storage.read(ObjectName.checkpoint), "checkpoint")
    return LogProof(
      index: 0, path: [Digest(1, 1, 1, 1), Digest(2, 2, 2, 2), Digest(3, 3, 3, 3)], extra: extra,
      checkpoint: note)
  }

  private static let meta: [UInt8] = [
    1, 3, 0xa4, 3, 0xe8, 7, 0xe8, 7, 3, 0x61, 0x64, 0x61, 5, 0x73, 0x74, 0x61, 0x66, 0x66, 0x80,
    0xa9, 0xa1, 0x9a, 0x0d, 5,
  ]

  private static let content = ReleasedContent(
    blocks: [
      ReleasedContent.Block(
        pack: Digest(1, 1, 1, 1), ordinal: 3, offset: 128, length: 100,
        key: [UInt8](repeating: 5, count: 32))
    ],
    chunks: [ReleasedContent.Chunk(block: 0, offset: 2, length: 4, digest: Digest(2, 2, 2, 2))],
    holes: [Hole(offset: 0, length: 9)])

  private static func fileProof(released: ReleasedContent?) throws -> FileProof {
    func field(_ value: [UInt8]) -> FileProof.Field {
      .opened(salt: Digest(4, 4, 4, 4), value: value)
    }
    let hidden = FileProof.Field.hidden(Digest(6, 6, 6, 6))
    let place = FileProof.Place(
      index: 1, name: field(Array("a\\b".utf8)), metadata: hidden, path: [Digest(5, 5, 5, 5)])
    var own = place
    own.metadata = field(meta)
    return FileProof(
      entry: try DSSEEnvelope(try entry(), "entry"), authorKey: [UInt8](repeating: 7, count: 32),
      log: try logProof(),
      tree: FileProof.Tree(salt: Digest(8, 8, 8, 8), entryCount: 2, root: Digest(9, 9, 9, 9)),
      files: [
        FileProof.File(
          directories: [FileProof.Directory(place: place, entryCount: 3, root: .zero)], place: own,
          salt: Digest(1, 2, 3, 4), size: 13, digest: Digest(4, 3, 2, 1), content: released)
      ])
  }
}
