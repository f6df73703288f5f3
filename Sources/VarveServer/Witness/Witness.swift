// A witness's directory, by the names of a store:
//
//     key                          its private key (WitnessSigner)
//     policy                       the logs that it knows: a witness policy (c2sp.org/tlog-policy), whose "log" lines count
//     checkpoints/<hex>            the newest checkpoint cosigned of the log with that SHA-256 of its origin, with the log's
//                                  and the witness's signatures; replaced, synced, before the answer is given
//     conflicts/<hex>/…            checkpoints that a log signed and that were refused: what is shown of a fork (WitnessEvidence)
//
// Losing `checkpoints` makes the witness forget, and cosign a fork: it is to be kept like the key. A damaged file there is
// an error for its log, never an empty record.

import Synchronization
import VarveCrypto
import VarveFormat
public import VarveProof
public import VarveStorage

/// A witness: cosigns checkpoints of the logs it knows, each consistent with the one before. Used from several threads.
public final class Witness: Sendable {
  package static let keyName = "key"
  package static let policyName = "policy"

  /// Seconds by which the clock may go back; then the time stands still until it is caught up.
  private static let clockTolerance: Int64 = 60

  private let rules: WitnessRules
  private let signer: WitnessSigner
  private let storage: any StorageBackend
  private let clock: @Sendable () -> Int64
  private let onFailure: @Sendable (String) -> Void
  private let deciding = Mutex(())

  /// - Parameters:
  ///   - storage: where it keeps what it has cosigned; nobody else writes there.
  ///   - onFailure: hears what is wrong with it, which no client is told.
  ///   - clock: seconds since 1970-01-01T00:00:00Z.
  public init(
    logs: [VerifierKey], signer: consuming WitnessSigner, storage: any StorageBackend,
    onFailure: @escaping @Sendable (String) -> Void = { _ in },
    clock: @escaping @Sendable () -> Int64
  ) {
    rules = WitnessRules(logs: logs)
    self.signer = signer
    self.storage = storage
    self.onFailure = onFailure
    self.clock = clock
  }

  public var key: WitnessKey { signer.key }

  /// Makes the directory of a new witness.
  ///
  /// - Returns: its public key.
  /// - Throws: `VarveError.Code.usage` for a malformed name, `repositoryExists` when there is one already, `io`.
  public static func make(
    name: String, logs: [VerifierKey], in storage: any StorageBackend
  ) throws -> WitnessKey {
    let text = try WitnessSigner.text(name: name, seed: SecureRandom.secret(32))
    let lines = logs.map { "log \($0.text)\n" }.joined()
    // Whatever would not be read again is refused before anything is there.
    let policy = Array((lines + "quorum none\n").utf8)
    _ = try WitnessPolicy(policy, "the list of logs")
    guard try text.withUnsafeBytes({ try storage.createExclusively(keyName, $0) }) else {
      throw VarveError(
        .repositoryExists, "there is a witness at \(storage.location) already",
        hint: "choose another directory, or remove its key")
    }
    try storage.put(policyName, policy)
    return try WitnessSigner(text: text, keyName).key
  }

  /// Opens the directory of a witness.
  ///
  /// - Throws: `VarveError.Code.missing`, `damaged`, `usage` for a policy that cannot be read, `io`.
  public convenience init(
    storage: any StorageBackend, onFailure: @escaping @Sendable (String) -> Void = { _ in },
    clock: @escaping @Sendable () -> Int64
  ) throws {
    let size = try storage.size(Self.keyName) ?? 0
    guard (1...4_096).contains(size) else {
      throw VarveError(
        .missing, "there is no witness at \(storage.location)",
        hint: "make one with 'varve witness init'")
    }
    var failure: (any Error)?
    let text = SecretBytes(count: Int(size)) { buffer in
      do {
        try storage.read(Self.keyName, offset: 0, into: buffer)
      } catch { failure = error }
    }
    if let failure { throw failure }
    let place = "\(storage.location)/\(Self.keyName)"
    let policy = try WitnessPolicy(
      try storage.read(Self.policyName), "\(storage.location)/\(Self.policyName)")
    self.init(
      logs: policy.logs.map(\.key), signer: try WitnessSigner(text: text, place),
      storage: storage, onFailure: onFailure, clock: clock)
  }

  /// Answers `POST add-checkpoint`.
  public func addCheckpoint(_ request: [UInt8]) -> WitnessAnswer {
    deciding.withLock { _ in
      do {
        switch try rules.decide(request, recorded: { try record(of: $0)?.head }) {
        case .refuse(let answer): return answer
        case .conflict(let answer, let note, let checkpoint, let isFork):
          // A failure to do so changes no answer.
          try? evidence(of: checkpoint.origin).keep(note, checkpoint.head, isFork: isFork)
          return answer
        case .cosign(let note, let checkpoint): return try cosign(note, checkpoint)
        }
      } catch {
        return failure(error)
      }
    }
  }

  /// What is wrong here, with its paths, is for who runs the witness.
  private func failure(_ error: any Error) -> WitnessAnswer {
    onFailure("\(error)")
    return WitnessAnswer(500, "the witness cannot read or write its records")
  }

  /// Answers `GET <hash>/checkpoint`.
  public func checkpoint(ofHash hash: String) -> WitnessAnswer {
    do {
      guard let origin = rules.origin(ofHash: hash, Self.hash),
        let record = try record(of: origin)
      else { return WitnessAnswer(404, "no checkpoint of such a log was cosigned here") }
      return WitnessAnswer(200, record.note.bytes)
    } catch {
      return failure(error)
    }
  }

  private struct Record {
    let note: SignedNote
    let head: TreeHead
    let time: Int64
  }

  private static func hash(_ origin: String) -> String { SHA256.digest(Array(origin.utf8)).hex }

  private static func name(_ origin: String) -> String { "checkpoints/\(hash(origin))" }

  /// The newest checkpoint of a log that was cosigned; nil when none was.
  private func record(of origin: String) throws -> Record? {
    let name = Self.name(origin)
    guard try storage.size(name) != nil else { return nil }
    let note = try SignedNote(try storage.read(name), name)
    let checkpoint = try Checkpoint(text: note.text, name)
    guard checkpoint.origin.utf8.elementsEqual(origin.utf8),
      let own = try note.cosignatures(by: [signer.key], name).last
    else { throw VarveError(.damaged, "\(name) is damaged: this witness has not cosigned it") }
    return Record(note: note, head: checkpoint.head, time: own.time.seconds)
  }

  private func cosign(_ note: SignedNote, _ checkpoint: Checkpoint) throws -> WitnessAnswer {
    var time = clock()
    if let last = try record(of: checkpoint.origin)?.time, time < last {
      guard last - time <= Self.clockTolerance else {
        return WitnessAnswer(503, "the clock of this witness is behind what it has cosigned")
      }
      // A later size is never stated for an earlier time.
      time = last
    }
    let signature = try signer.cosign(note.text, at: time)
    try storage.put(Self.name(checkpoint.origin), note.adding([signature]).bytes)
    try? evidence(of: checkpoint.origin).forget(checkpoint.head)
    return WitnessAnswer(200, signature.line)
  }

  private func evidence(of origin: String) -> WitnessEvidence {
    WitnessEvidence(ofHash: Self.hash(origin), in: storage)
  }
}
