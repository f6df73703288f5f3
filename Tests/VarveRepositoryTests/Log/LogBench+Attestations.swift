import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository

extension LogBench {
  /// A witness whose key a test knows.
  static func witness(_ number: UInt8 = 1) throws -> WitnessSigner {
    let seed = [UInt8](repeating: number, count: 32)
    return try WitnessSigner(name: "w\(number)", seed: SecretBytes(copying: seed))
  }

  /// A policy of `count` witnesses, `threshold` of whom are a quorum.
  static func policy(_ threshold: Int, of count: UInt8) throws -> WitnessPolicy {
    let lines = try (1...count).map { "witness n\($0) \(try witness($0).key.text)\n" }
    let names = (1...count).map { " n\($0)" }
    let text = "\(lines.joined())group g \(threshold)\(names.joined())\nquorum g\n"
    return try WitnessPolicy(Array(text.utf8), "policy")
  }

  /// The log's newest checkpoint, cosigned by witnesses at times.
  static func cosigned(_ log: Log, _ times: [(witness: UInt8, time: Int64)]) throws
    -> LogStatement.Body
  {
    let note = try log.signedCheckpoint()
    let signatures = try times.map { try witness($0.witness).cosign(note.text, at: $0.time) }
    return .cosign(.init(checkpoint: text(note.adding(signatures))))
  }

  static func text(_ note: SignedNote) -> String { String(decoding: note.bytes, as: UTF8.self) }

  /// One entry of each kind that attests a time; the token is none.
  static func attestations(_ log: Log) throws -> [LogStatement.Body] {
    [
      try cosigned(log, [(1, 1_800_000_000), (2, 1_800_000_100)]),
      .anchor(.init(checkpoint: text(try log.signedCheckpoint()), token: [0x30, 0])),
    ]
  }
}
