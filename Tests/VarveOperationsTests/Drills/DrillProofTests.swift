import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveTestSupport
import VarveVerifier

/// What `proof.json` and receipts show, and what somebody can pass off for them who has the log's key, as each writer has it, but
/// not that of the author.
@Suite struct DrillProofTests {
  private let directory = TemporaryDirectory()
  private let log: ReceiptLog

  init() throws { log = try ReceiptLog() }

  /// Of a `proof.json`.
  private func verify(_ members: [String: JSONValue]) throws -> ProofReport {
    let path = directory("proof.json")
    try FileBytes.write(JSONValue.object(members).canonicalBytes() + [0x0a], to: path)
    return try ProofVerification(
      proof: Array(path.utf8), logProof: nil, key: log.key.text, file: nil
    ).run()
  }

  /// Of a receipt with its log proof beside it.
  private func verify(_ receipt: [UInt8], extra: [UInt8]?) throws -> ProofReport {
    let path = directory("receipt.json")
    try FileBytes.write(receipt, to: path)
    try FileBytes.write(log.proof(of: receipt, extra: extra).bytes, to: path + ".tlog-proof")
    return try ProofVerification(
      proof: Array(path.utf8), logProof: nil, key: log.key.text, file: nil
    ).run()
  }

  private func expectUnproved(
    _ members: [String: JSONValue], _ what: String, at location: SourceLocation = #_sourceLocation
  ) {
    #expect(throws: VarveError(.unproved, ""), "\(what)", sourceLocation: location) {
      try verify(members)
    }
  }

  @Test func whatItsAuthorSignedIsProved() throws {
    let receipt = try log.receipt()
    let whole = try verify(log.members(receipt))
    #expect(whole.lines.last == "the record is its document")
    let single = try verify(receipt, extra: log.author.publicKey)
    #expect(try single.json.string("kind") == "receipt")
  }

  @Test func whatItsAuthorDidNotSignIsNot() throws {
    let forged = try log.unsigned(log.receipt())
    expectUnproved(try log.members(forged), "a signature of zeros")
    #expect(throws: VarveError(.unproved, "")) {
      try verify(forged, extra: log.author.publicKey)
    }
    // A signature that is good, by another key than the one that is named.
    let other = try Ed25519SigningKey(seed: ReceiptLog.seed(3))
    let payload = try DSSEEnvelope(log.receipt(), "receipt").payload
    let signature = try DSSEEnvelope(signing: payload, with: other).signature
    let stranger = try log.unsigned(log.receipt(), signature: signature)
    var members = try log.members(stranger)
    members["authorKey"] = .string(Base64.encode(other.publicKey))
    members["logProof"] = .string(
      String(
        decoding: try log.proof(of: stranger, extra: other.publicKey).bytes, as: UTF8.self))
    expectUnproved(members, "another key")
    #expect(throws: VarveError(.unproved, "")) { try verify(stranger, extra: other.publicKey) }
  }

  /// Receipts that were exported before log proofs named the author's key.
  @Test func withoutTheAuthorsKeyItProvesNothing() throws {
    for receipt in [try log.receipt(), try log.unsigned(log.receipt())] {
      #expect(throws: VarveError(.unproved, "")) { try verify(receipt, extra: nil) }
    }
    for extra in [[], [UInt8](repeating: 0, count: 32), Array("release.tar.gz".utf8)] {
      #expect(throws: VarveError(.unproved, "")) { try verify(log.receipt(), extra: extra) }
    }
  }

  @Test func nothingIsMissingAddedOrSaidOtherwise() throws {
    let members = try log.members(log.receipt())
    for name in members.keys {
      var changed = members
      changed[name] = nil
      expectUnproved(changed, "without \(name)")
    }
    let other = try VerifierKey(name: log.key.name, publicKey: log.author.publicKey).text
    for (name, value) in [
      ("verdict", "passed"), ("logKey", .string(other)), ("logKey", .string(log.key.text + " ")),
      ("index", 1), ("index", "0"), ("record", [:]), ("authorKey", .string(other)),
      ("authorKey", .string(Base64.encode(log.key.publicKey))),
    ] as [(String, JSONValue)] {
      var changed = members
      changed[name] = value
      expectUnproved(changed, name)
    }
    // The same member by a name that is another one to whoever compares bytes.
    let text = JSONValue.object(members).canonicalText
    let path = directory("spelled.json")
    let spelled = text.replacing("\"authorKey\"", with: "\"author\u{212a}ey\"")
    #expect(!spelled.utf8.elementsEqual(text.utf8))
    try FileBytes.write(Array(spelled.utf8), to: path)
    #expect(throws: VarveError(.unproved, "")) {
      try ProofVerification(
        proof: Array(path.utf8), logProof: nil, key: log.key.text, file: nil
      ).run()
    }
  }

  @Test(arguments: [LogStatement.Receipt.Activity.restore, .drillStart, .check])
  func receiptsOfSomethingElseAreNoDrills(_ activity: LogStatement.Receipt.Activity) throws {
    let receipt = try log.receipt(activity)
    expectUnproved(try log.members(receipt), activity.rawValue)
    let single = try verify(receipt, extra: log.author.publicKey)
    #expect(try single.json.string("kind") == "receipt")
  }
}

/// A log of one entry, the receipt of a drill, and its proof.
private final class ReceiptLog {
  private static let repository = Digest(7, 7, 7, 7)

  let author: Ed25519SigningKey
  private let signer: NoteSigner
  private let record: JSONValue = ["result": "passed", "type": "varve-drill/1"]

  init() throws {
    author = try Ed25519SigningKey(seed: Self.seed(1))
    signer = try NoteSigner(
      name: RepositoryConfig.origin(of: Self.repository),
      key: Ed25519SigningKey(seed: Self.seed(2)))
  }

  static func seed(_ byte: UInt8) -> SecretBytes {
    SecretBytes(copying: [UInt8](repeating: byte, count: 32))
  }

  var key: VerifierKey { signer.verifierKey }

  func receipt(_ activity: LogStatement.Receipt.Activity = .drill) throws -> [UInt8] {
    let statement = LogStatement(
      author: KeyID(publicKey: author.publicKey),
      position: .init(index: 0, size: 0, root: MerkleHash.emptyRoot), previous: nil,
      program: "test", repository: Self.repository, time: Timestamp(seconds: 1_772_366_500),
      body: .receipt(
        .init(
          activity: activity, result: .ok, started: Timestamp(seconds: 1), counts: [:],
          digests: ["document": SHA256.digest(record.canonicalBytes())], scope: "all files",
          snapshots: [])))
    return try DSSEEnvelope(signing: statement.bytes(config: Digest(9, 9, 9, 9)), with: author)
      .bytes
  }

  /// The same in the author's name, with a signature that is not the author's.
  func unsigned(
    _ receipt: [UInt8], signature: [UInt8] = [UInt8](repeating: 0, count: 64)
  ) throws -> [UInt8] {
    let json = try JSONValue(canonical: receipt, "receipt")
    let forged: JSONValue = [
      "payload": try json.member("payload"), "payloadType": try json.member("payloadType"),
      "signatures": [
        [
          "keyid": .string(KeyID(publicKey: author.publicKey).text),
          "sig": .string(Base64.encode(signature)),
        ]
      ],
    ]
    return forged.canonicalBytes()
  }

  func proof(of receipt: [UInt8], extra: [UInt8]?) throws -> LogProof {
    var tree = MerkleTree()
    tree.append(entry: receipt)
    return LogProof(
      index: 0, path: [], extra: extra,
      checkpoint: try Checkpoint(origin: key.name, head: tree.head).signed(by: signer))
  }

  /// Of `proof.json`.
  func members(_ receipt: [UInt8]) throws -> [String: JSONValue] {
    let proof = try proof(of: receipt, extra: author.publicKey)
    return [
      "authorKey": .string(Base64.encode(author.publicKey)), "index": 0,
      "logKey": .string(key.text),
      "logProof": .string(String(decoding: proof.bytes, as: UTF8.self)),
      "receipt": try JSONValue(canonical: receipt, "receipt"), "record": record,
    ]
  }
}
