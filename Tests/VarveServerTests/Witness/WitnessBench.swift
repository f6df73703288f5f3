import VarveCrypto
import VarveFormat
import VarveProof
import VarveServer

/// A log that a test appends to, and requests to a witness about it.
final class WitnessBench {
  let origin: String
  private let signer: NoteSigner
  private(set) var tree = MerkleTree()

  init(_ origin: String = "log.example/a", seed: UInt8 = 1, size: Int = 0) throws {
    self.origin = origin
    let bytes = [UInt8](repeating: seed, count: 32)
    signer = try NoteSigner(name: origin, key: Ed25519SigningKey(seed: SecretBytes(copying: bytes)))
    grow(by: size)
  }

  var key: VerifierKey { signer.verifierKey }
  var hash: String { SHA256.digest(Array(origin.utf8)).hex }

  /// - Parameter salt: another one makes another history.
  func grow(by count: Int, salt: String = "") {
    for _ in 0..<count { tree.append(entry: Array("entry \(tree.size)\(salt)".utf8)) }
  }

  func note(_ head: TreeHead? = nil) throws -> SignedNote {
    try Checkpoint(origin: origin, head: head ?? tree.head).signed(by: signer)
  }

  func request(from old: UInt64, proof: [Digest]? = nil, note: SignedNote? = nil) throws -> [UInt8]
  {
    CheckpointSubmission(
      oldSize: old, proof: proof ?? tree.consistencyProof(from: old, to: tree.size) ?? [],
      note: try note ?? self.note()
    ).bytes
  }

  static func witnessSigner(_ name: String = "witness.example/w1", seed: UInt8 = 9) throws
    -> WitnessSigner
  {
    let bytes = [UInt8](repeating: seed, count: 32)
    return try WitnessSigner(name: name, seed: SecretBytes(copying: bytes))
  }
}
