import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveTestSupport

/// A log with a snapshot whose tree is /docs/letters/will.txt among siblings, and proofs from it made by hand.
final class ProofFixture {
  static let content = Array("my last will\n".utf8)
  static let repository = Digest(7, 7, 7, 7)

  let author: Ed25519SigningKey
  let signer: NoteSigner
  let entries: [[UInt8]]
  let tree: MerkleTree
  let index: UInt64
  let proof: FileProof

  /// One directory: its entries' bodies, and the one that leads on.
  struct Level {
    let bodies: [[UInt8]]
    let index: Int
    let root: Digest
  }

  static func body(_ name: String, _ type: EntryType, _ content: TreeEntry.Content) throws
    -> [UInt8]
  {
    try TreeEntry(
      name: Array(name.utf8),
      attributes: EntryAttributes(
        type: type, mode: 0o640, uid: 1_000, gid: 100,
        modified: FileTime(seconds: 1_772_366_400, nanoseconds: 5)),
      user: Array("ada".utf8), content: content
    ).encode()
  }

  static func file(_ name: String, _ content: [UInt8]) throws -> [UInt8] {
    let digest = SHA256.digest(content)
    let chunk = ChunkReference(address: digest, length: UInt32(content.count))
    return try body(
      name, .file,
      .file(
        content.isEmpty
          ? .empty
          : FileContent(
            size: UInt64(content.count), form: .chunks([chunk]), holes: [], digest: digest)))
  }

  static let proofKey = HMACSHA256(key: Digest(1, 2, 3, 4))

  static func level(_ bodies: [[UInt8]], _ index: Int) throws -> Level {
    var root = ProofRootBuilder(proofKey: proofKey)
    for body in bodies {
      try body.withUnsafeBytes { root.add(body: $0, fields: try CommitmentFields(body: $0)) }
    }
    return Level(bodies: bodies, index: index, root: root.root)
  }

  static func place(_ level: Level, opens: Bool, metadata: Bool) throws -> FileProof.Place {
    var tree = MerkleTree()
    for body in level.bodies {
      try body.withUnsafeBytes { body in
        tree.append(
          leafHash: EntryCommitment(proofKey: proofKey, body: body)
            .leafHash(of: body, fields: try CommitmentFields(body: body)))
      }
    }
    let body = level.bodies[level.index]
    let fields = try body.withUnsafeBytes { try CommitmentFields(body: $0) }
    let commitment = body.withUnsafeBytes { EntryCommitment(proofKey: proofKey, body: $0) }
    func field(_ number: UInt8, _ range: Range<Int>, _ opens: Bool) -> FileProof.Field {
      let field = FileProof.Field.opened(salt: commitment.salt(number), value: Array(body[range]))
      return opens ? field : .hidden(field.commitment)
    }
    return FileProof.Place(
      index: UInt64(level.index), name: field(1, fields.name, opens),
      metadata: field(2, fields.meta, metadata),
      path: try #require(
        tree.inclusionProof(index: UInt64(level.index), size: UInt64(level.bodies.count))))
  }

  init(
    content: [UInt8] = content, siblings: Int = 5, opens: Bool = true, metadata: Bool = true,
    seed: UInt8 = 1, commits: Bool = true, other: String = "other", logLength: Int = 9
  ) throws {
    author = try Ed25519SigningKey(seed: SecretBytes(copying: [UInt8](repeating: seed, count: 32)))
    signer = try NoteSigner(
      name: RepositoryConfig.origin(of: Self.repository),
      key: Ed25519SigningKey(seed: SecretBytes(copying: [UInt8](repeating: seed + 1, count: 32))))
    let names = (0..<siblings).map { "\(other) \($0)" }
    let letters = try Self.level(
      names.map { try Self.file($0, Array($0.utf8)) } + [Self.file("will.txt", content)], siblings)
    func directory(_ name: String, _ level: Level) throws -> [UInt8] {
      try Self.body(
        name, .directory,
        .directory(
          DirectoryContent(
            id: Digest(1, 1, 1, 1), proofRoot: level.root, entryCount: UInt64(level.bodies.count))))
    }
    let docs = try Self.level([directory("letters", letters)], 0)
    let root = try Self.level([Self.file("a", [1]), directory("docs", docs)], 1)
    let salt = Digest(3, 3, 3, 3)
    let commitment = TreeCommitment.digest(
      salt: salt, entries: UInt64(root.bodies.count), root: root.root)

    var tree = MerkleTree()
    var entries: [[UInt8]] = []
    let index = UInt64(logLength / 2)
    for number in 0..<UInt64(logLength) {
      let body: LogStatement.Body =
        number == index
        ? .snapshot(
          .init(
            snapshot: Digest(4, 4, 4, 4), additions: .listed([]), tree: commits ? commitment : nil,
            taken: Timestamp(seconds: 1_772_366_400, offset: 3_600)))
        : .receipt(
          .init(
            activity: .restore, result: .ok, started: Timestamp(seconds: 1), counts: [:],
            scope: "snapshot", snapshots: []))
      let statement = LogStatement(
        author: KeyID(publicKey: author.publicKey),
        position: .init(index: number, size: number, root: tree.head.root), previous: nil,
        program: "test", repository: Self.repository, time: Timestamp(seconds: 1_772_366_500),
        body: body)
      let entry = try DSSEEnvelope(
        signing: statement.bytes(config: Digest(9, 9, 9, 9)), with: author
      ).bytes
      entries.append(entry)
      tree.append(entry: entry)
    }
    self.entries = entries
    self.tree = tree
    self.index = index
    let log = try Self.logProof(of: index, in: tree, signer)
    let leaf = letters.bodies[letters.index]
    let fileSalt = leaf.withUnsafeBytes { EntryCommitment(proofKey: Self.proofKey, body: $0) }
      .salt(3)
    proof = FileProof(
      entry: try DSSEEnvelope(entries[Int(index)], "entry"), authorKey: author.publicKey, log: log,
      tree: FileProof.Tree(salt: salt, entryCount: UInt64(root.bodies.count), root: root.root),
      files: [
        FileProof.File(
          directories: [
            FileProof.Directory(
              place: try Self.place(root, opens: opens, metadata: false), entryCount: 1,
              root: docs.root),
            FileProof.Directory(
              place: try Self.place(docs, opens: opens, metadata: false),
              entryCount: UInt64(letters.bodies.count), root: letters.root),
          ], place: try Self.place(letters, opens: opens, metadata: metadata), salt: fileSalt,
          size: UInt64(content.count), digest: content.isEmpty ? .zero : SHA256.digest(content))
      ])
  }

  static func logProof(
    of index: UInt64, in tree: MerkleTree, _ signer: borrowing NoteSigner
  ) throws -> LogProof {
    LogProof(
      index: index, path: try #require(tree.inclusionProof(index: index, size: tree.size)),
      checkpoint: try Checkpoint(origin: signer.verifierKey.name, head: tree.head)
        .signed(by: signer))
  }

  var key: VerifierKey { signer.verifierKey }
}
