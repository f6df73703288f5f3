package import VarveCrypto
package import VarveFormat
import VarveProof

/// Who appends to a log: signs entries and, with the log key, checkpoints.
package final class LogAuthor: Sendable {
  package let keyID: KeyID
  private let key: Ed25519SigningKey
  package let checkpointSigner: CheckpointSigner?

  package init(seed: borrowing SecretBytes, checkpointSigner: CheckpointSigner?) throws {
    key = try Ed25519SigningKey(seed: seed)
    keyID = KeyID(publicKey: key.publicKey)
    self.checkpointSigner = checkpointSigner
  }

  var publicKey: [UInt8] { key.publicKey }

  package func sign(_ payload: [UInt8]) throws -> [UInt8] {
    try DSSEEnvelope(signing: payload, with: key).bytes
  }
}

/// A holder of the log key.
package final class CheckpointSigner: Sendable {
  private let origin: String
  private let signer: NoteSigner

  init(seed: borrowing SecretBytes, origin: String) throws {
    self.origin = origin
    signer = try NoteSigner(name: origin, key: Ed25519SigningKey(seed: seed))
  }

  func sign(_ head: TreeHead) throws -> [UInt8] {
    try Checkpoint(origin: origin, head: head).signed(by: signer).bytes
  }

  func sign(_ text: String) throws -> [UInt8] {
    try SignedNote(signing: text, with: signer).bytes
  }
}
