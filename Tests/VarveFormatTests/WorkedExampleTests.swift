import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveTestSupport

/// Recomputes docs/format.md, section 14, byte for byte.
@Suite struct WorkedExampleTests {
  private let examples: SpecificationExamples
  private let repository: Digest
  private let time = FileTime(seconds: 1_772_366_400, nanoseconds: 5)

  init() throws {
    examples = try SpecificationExamples()
    repository = try examples.digest("keys", "RID")
  }

  /// The secret that is derived under this label.
  private func key(_ label: String) throws -> SecretBytes {
    HKDF.derive(
      ikm: SecretBytes(copying: try examples.value("keys", "master")), salt: repository.bytes,
      info: Array("varve v1 \(label)".utf8), count: 32)
  }

  /// Counting up from `first`: what stands for randomness.
  private func counted(_ first: UInt8, _ count: Int = 32) -> [UInt8] {
    (0..<UInt8(count)).map { first + $0 }
  }

  private func seal(
    _ key: borrowing SecretBytes, nonce: [UInt8], _ data: [UInt8], _ plaintext: [UInt8]
  ) throws -> [UInt8] {
    try plaintext.withUnsafeBytes {
      try AES256GCM(key: key).seal(nonce: nonce, aad: data, plaintext: $0)
    }
  }

  @Test(arguments: [
    "data key", "index key", "proof key", "chunker key", "log key", "recovery author",
  ])
  func keysAreDerived(label: String) throws {
    let derived = try key(label).withUnsafeBytes { Array($0) }
    #expect(try examples.value("keys", label) == derived)
  }

  private func logSigner() throws -> NoteSigner {
    try NoteSigner(
      name: RepositoryConfig.origin(of: repository), key: Ed25519SigningKey(seed: key("log key")))
  }

  private func config() throws -> RepositoryConfig {
    let logKey = try Ed25519SigningKey(seed: key("log key")).publicKey
    return try RepositoryConfig(
      id: repository, created: try #require(Timestamp("2026-03-01T12:00:00Z")),
      authorKey: Ed25519SigningKey(seed: key("recovery author")).publicKey,
      logKey: VerifierKey(name: RepositoryConfig.origin(of: repository), publicKey: logKey).text,
      dataKey: X25519.publicKey(of: key("data key")))
  }

  @Test func configIsSigned() throws {
    let bytes = try SignedNote(signing: config().text, with: logSigner()).bytes
    #expect(try examples.text("config") == bytes)
    #expect(try examples.digest("config", "digest") == SHA256.digest(bytes))
  }

  private func entry(
    _ name: String, _ type: EntryType, _ mode: UInt16, _ content: TreeEntry.Content
  )
    -> TreeEntry
  {
    TreeEntry(
      name: Array(name.utf8),
      attributes: EntryAttributes(
        type: type, mode: mode, uid: 1_000, gid: 1_000, modified: time),
      user: Array("ada".utf8), group: Array("staff".utf8), content: content)
  }

  private var emptyNode: [UInt8] { [1, 0, 0] }

  private var entries: [TreeEntry] {
    let content = Array("varve\n".utf8)
    let chunk = ChunkReference(address: SHA256.digest(content), length: 6)
    return [
      entry(
        "hello.txt", .file, 0o644,
        .file(
          FileContent(size: 6, form: .chunks([chunk]), holes: [], digest: SHA256.digest(content)))),
      entry("link", .link, 0o777, .link(Array("hello.txt".utf8))),
      entry(
        "sub", .directory, 0o755,
        .directory(
          DirectoryContent(
            id: SHA256.digest(emptyNode), proofRoot: SHA256.digest([]), entryCount: 0))),
    ]
  }

  @Test func treeNodeIsEncoded() throws {
    var writer = TreeNodeWriter()
    var node: [UInt8] = []
    let store: TreeNodeWriter.Store = {
      node = Array($0)
      return SHA256.digest($0)
    }
    for entry in entries {
      try entry.encode().withUnsafeBytes { try writer.append($0, store: store) }
    }
    let id = try writer.finish(store: store).id
    #expect(try examples.hex("tree-node") == node)
    #expect(try examples.digest("tree-node", "id") == id)
    _ = try writer.finish(store: store)
    #expect(node == emptyNode)

    let proofKey = try key("proof key")
    var root = ProofRootBuilder(proofKey: proofKey)
    for (number, entry) in entries.enumerated() {
      let body = try entry.encode()
      var alone = ProofRootBuilder(proofKey: proofKey)
      try body.withUnsafeBytes { body in
        let fields = try CommitmentFields(body: body)
        alone.add(body: body, fields: fields)
        root.add(body: body, fields: fields)
      }
      #expect(try examples.digest("tree-node", "leaf \(number)") == alone.root)
    }
    #expect(try examples.digest("tree-node", "proof root") == root.root)
  }

  private func trailer(storedLength: Int) throws -> PackTrailer {
    var trailer = PackTrailer()
    for node in [try examples.hex("tree-node"), emptyNode] {
      trailer.append(PackTrailer.Slot(address: SHA256.digest(node), length: UInt32(node.count)))
    }
    trailer.endBlock(storedLength: UInt32(storedLength))
    return trailer
  }

  @Test func packIsSealed() throws {
    let pack = try examples.hex("pack")
    let header = try pack.withUnsafeBytes { try PackHeader(decoding: $0) }
    #expect(header.version == .blockKeys)
    #expect(header.type == .tree)
    #expect(header.encode() == Array(pack.prefix(PackHeader.byteCount)))
    let ephemeral = SecretBytes(copying: counted(0x60))
    #expect(try X25519.publicKey(of: ephemeral) == header.encapsulation)
    let contentKey = try HPKE.open(
      privateKey: key("data key"), encapsulation: header.encapsulation,
      info: Array("varve v1 pack key".utf8) + [0] + repository.bytes,
      aad: PackHeader.associatedData(for: .tree, version: .blockKeys), ciphertext: header.wrappedKey
    )
    #expect(contentKey.withUnsafeBytes { Array($0) } == counted(0x40))
    func derived(_ info: [UInt8]) -> SecretBytes {
      HKDF.derive(ikm: contentKey, salt: repository.bytes, info: info, count: 32)
    }
    let commitment = derived(Array("varve v1 key commitment".utf8)).withUnsafeBytes { Array($0) }
    #expect(header.commitment.bytes == commitment)

    let node = try examples.hex("tree-node")
    let payload = try examples.hex("block-payload")
    var slots: [BlockPayload.SlotRange] = []
    try payload.withUnsafeBytes { try BlockPayload.parse($0, into: &slots) }
    #expect(slots.map { Array(payload[$0.range]) } == [node, emptyNode])

    let label = Array("varve v2 block key".utf8) + [0]
    var binding = BlockBinding(repository: repository, type: .tree)
    binding.select(0)
    let block = try seal(
      derived(label + [0, 0, 0, 0]), nonce: binding.nonce, binding.associatedData,
      [FrameCodec.raw.rawValue] + payload)
    let trailer = try trailer(storedLength: block.count)
    #expect(try examples.hex("trailer-payload") == trailer.encode())
    binding.select(BlockBinding.trailerOrdinal)
    let sealedTrailer = try seal(
      derived(label + [0xff, 0xff, 0xff, 0xff]), nonce: binding.nonce, binding.associatedData,
      [FrameCodec.raw.rawValue] + trailer.encode())
    let footer = PackFooter(trailerLength: UInt32(sealedTrailer.count), blockCount: 1)
    #expect(pack == header.encode() + block + sealedTrailer + footer.encode())
    try trailer.requireFits(footer: footer, packSize: UInt64(pack.count))
    #expect(try examples.digest("pack", "name") == SHA256.digest(pack))
  }

  @Test func indexSegmentIsBuiltAndSealed() throws {
    let pack = try examples.hex("pack")
    let footer = try pack.withUnsafeBytes { try PackFooter(decoding: $0) }
    let blockLength = pack.count - 128 - 16 - Int(footer.trailerLength)
    var builder = IndexSegmentBuilder()
    builder.add(
      IndexPack(name: SHA256.digest(pack), size: UInt64(pack.count), type: .tree),
      try trailer(storedLength: blockLength))
    let plain = builder.finish()
    #expect(try examples.hex("segment-plain") == plain)
    try plain.withUnsafeBytes { try IndexSegmentView($0).validate() }

    let header = IndexSegmentHeader(plainLength: UInt64(plain.count), salt: counted(0x80))
    let segmentKey = HKDF.derive(
      ikm: try key("index key"), salt: header.salt,
      info: Array("varve v1 index segment".utf8) + [0] + repository.bytes, count: 32)
    let nonce = [UInt8](repeating: 0, count: 12)
    let object = header.encode() + (try seal(segmentKey, nonce: nonce, header.encode(), plain))
    #expect(try examples.hex("segment") == object)
    #expect(try examples.digest("segment", "name") == SHA256.digest(object))
    #expect(header.objectByteCount == UInt64(object.count))
  }

  @Test func inventoryLists() throws {
    let pack = try examples.hex("pack")
    let segment = try examples.hex("segment")
    let bytes = Inventory([
      ObjectReference(name: ObjectName.pack(SHA256.digest(pack)), size: UInt64(pack.count)),
      ObjectReference(name: ObjectName.index(SHA256.digest(segment)), size: UInt64(segment.count)),
    ]).encode()
    #expect(try examples.text("inventory") == bytes)
    #expect(try examples.digest("inventory", "digest") == SHA256.digest(bytes))
  }

  @Test func snapshotRecordOpens() throws {
    let record = SnapshotRecord(
      time: try #require(Timestamp("2026-03-01T13:00:00.000000005+01:00")),
      host: Array("lake".utf8), user: Array("ada".utf8), uid: 1_000, gid: 1_000,
      paths: [Array("/home/ada/".utf8) + [0xff]], tags: ["example"],
      tree: SnapshotRecord.Tree(
        id: try examples.digest("tree-node", "id"),
        root: try examples.digest("tree-node", "proof root"), entries: 3),
      treeSalt: Digest(counted(0xc0)), parent: Digest(0, 0, 0, 1), program: "varve 1.0.0")
    #expect(try examples.line("record") == record.encode())

    let bytes = try examples.hex("snapshot")
    let object = try bytes.withUnsafeBytes { try SnapshotObject(decoding: $0) }
    #expect(object.encode() == bytes)
    #expect(
      try X25519.publicKey(of: SecretBytes(copying: counted(0xa0))) == object.encapsulation)
    let opened = try HPKE.open(
      privateKey: key("data key"), encapsulation: object.encapsulation,
      info: Array("varve v1 snapshot".utf8) + [0] + repository.bytes,
      aad: SnapshotObject.associatedData, ciphertext: object.sealed)
    #expect(opened.withUnsafeBytes { Array($0) } == (try record.encode()))
    #expect(try SnapshotRecord(decoding: examples.line("record")) == record)
    #expect(try examples.digest("snapshot", "id") == SHA256.digest(bytes))
    #expect(
      try examples.digest("snapshot", "tree")
        == TreeCommitment.digest(
          salt: #require(record.treeSalt), entries: record.tree.entries, root: record.tree.root))
    let indexKey = try key("index key")
    func opaqueID(_ label: String, _ message: [UInt8]) -> Digest {
      let key = HKDF.derive(
        ikm: indexKey, salt: repository.bytes, info: Array("varve v1 \(label)".utf8), count: 32)
      return HMACSHA256(key: key).authenticate(message)
    }
    let source = Array(#"{"host":"lake","paths":["/home/ada/\\xff"]}"#.utf8)
    #expect(try examples.digest("snapshot", "source") == opaqueID("source key", source))
    #expect(try examples.digest("snapshot", "tag") == opaqueID("tag key", Array("example".utf8)))
  }

  @Test func firstCommitIsSigned() throws {
    let config = try examples.digest("config", "digest")
    let author = try Ed25519SigningKey(seed: key("recovery author"))
    let statement = LogStatement(
      author: KeyID(publicKey: author.publicKey),
      position: LogStatement.Position(index: 0, size: 0, root: MerkleHash.emptyRoot),
      previous: nil, program: "varve 1.0.0", repository: repository,
      time: try #require(Timestamp("2026-03-01T12:00:00Z")),
      body: .genesis(LogStatement.Genesis(config: config, authorKey: author.publicKey)))
    let payload = statement.bytes(config: config)
    #expect(try examples.line("statement") == payload)
    let envelope = try DSSEEnvelope(signing: payload, with: author).bytes
    #expect(try examples.line("envelope") == envelope)
    let commit = try EntryBundle.encode([envelope])
    #expect(try examples.value("commit", "length") + envelope == commit)
    let head = TreeHead(size: 1, root: MerkleHash.leaf(envelope))
    #expect(try examples.digest("commit", "root") == head.root)
    let checkpoint = Checkpoint(origin: RepositoryConfig.origin(of: repository), head: head)
    #expect(try examples.text("checkpoint") == checkpoint.signed(by: logSigner()).bytes)
  }
}
