import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRemoteStorage
import VarveTestSupport

/// A witness that refuses, and what it shows then.
@Suite struct WitnessClientTests {
  private static let origin = "log.example/a"
  private static let time: Int64 = 1_700_000_000

  private static func tree(_ size: Int, salt: String = "") -> MerkleTree {
    var tree = MerkleTree()
    for number in 0..<size { tree.append(entry: Array("entry \(number)\(salt)".utf8)) }
    return tree
  }

  /// Asks for a cosignature of `ours`; the witness refuses, and shows that it has cosigned `theirs`.
  private static func outcome(
    _ ours: MerkleTree, witnessHas theirs: MerkleTree, status: Int = 422
  ) throws -> WitnessClient.Outcome {
    let log = try NoteSigner(
      name: origin,
      key: Ed25519SigningKey(seed: SecretBytes(copying: [UInt8](repeating: 1, count: 32))))
    let witness = try WitnessSigner(
      name: "witness.example/w", seed: SecretBytes(copying: [UInt8](repeating: 9, count: 32)))
    let note = try Checkpoint(origin: origin, head: theirs.head).signed(by: log)
    let shown = note.adding([try witness.cosign(note.text, at: time)]).bytes
    let server = LoopbackServer { request in
      request.method == "POST"
        ? LoopbackServer.Answer(status, "no") : LoopbackServer.Answer(200, body: shown)
    }
    defer { server.stop() }
    let policy = try WitnessPolicy(
      Array("witness w \(witness.key.text) \(server.url)\nquorum w\n".utf8), "policy")
    let client = try WitnessClient(try #require(policy.witnesses.first), HTTPExchange(.brief))
    return client.cosign(
      try Checkpoint(origin: origin, head: ours.head).signed(by: log), of: ours,
      by: log.verifierKey, now: time)
  }

  /// It has gone on, maybe in the same log: whoever asks reads on before it is called a fork.
  @Test func aLongerLogIsAhead() throws {
    guard case .isAhead(7) = try Self.outcome(Self.tree(5), witnessHas: Self.tree(7)) else {
      Issue.record("not ahead")
      return
    }
  }

  /// For the same size the specification has 409; witnesses of Varve before 422.
  @Test(arguments: [(3, 422), (5, 422), (5, 409)])
  func anotherOneThatIsNotLongerIsAFork(_ size: Int, _ status: Int) throws {
    guard
      case .forked(_, let head) = try Self.outcome(
        Self.tree(5), witnessHas: Self.tree(size, salt: "!"), status: status)
    else {
      Issue.record("no fork")
      return
    }
    #expect(head.size == UInt64(size))
  }

  @Test func itsOwnBeginningIsNone() throws {
    guard case .failed = try Self.outcome(Self.tree(5), witnessHas: Self.tree(3)) else {
      Issue.record("no failure")
      return
    }
  }
}
