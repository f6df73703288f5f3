// Getting a log cosigned:
//
//     sign the newest head; ask all witnesses at once
//     one has cosigned more than we have: read on in the log, and ask again; what is still more is compared
//     a head that the log has signed and that is none of ours: keep both heads, append nothing, end with 22
//     a quorum: append it as a cosign entry

import Synchronization
import VarveFormat
import VarveProof
import VarveRemoteStorage
import VarveRepository

/// Asks the witnesses of a policy, and appends what a quorum of them signs.
struct CosigningRound {
  struct Failure {
    let witness: [UInt8]
    let error: VarveError
  }

  struct Result {
    /// The index of the entry.
    let entry: UInt64?
    /// The size that was cosigned.
    let size: UInt64
    let cosignatures: [Cosignature]
    let failures: [Failure]
  }

  /// Witnesses that are asked at one time.
  private static let threadLimit = 32

  private let log: Log
  private let policy: WitnessPolicy
  private let key: VerifierKey
  private let isInterrupted: @Sendable () -> Bool
  private let exchange: HTTPExchange

  init(log: Log, policy: WitnessPolicy, isInterrupted: @escaping @Sendable () -> Bool) throws {
    self.log = log
    self.policy = policy
    self.isInterrupted = isInterrupted
    exchange = try HTTPExchange(.brief)
    key = try VerifierKey(text: log.config.logKey)
    guard policy.admits(key) else {
      throw VarveError(
        .usage, "the witness policy does not have the log \(log.config.origin)",
        hint: "add a line \"log \(key.text)\" to it")
    }
    guard !policy.witnesses.isEmpty else {
      throw VarveError(.usage, "the witness policy names no witness")
    }
  }

  private struct Asked {
    let note: SignedNote
    let tree: MerkleTree
    let outcomes: [WitnessClient.Outcome]
  }

  /// - Throws: `unproved` for a fork, `io` without a quorum, and what the log throws.
  func run() throws -> Result {
    var asked = try ask()
    if asked.outcomes.contains(where: \.isAhead) {
      try log.refresh()
      asked = try ask()
    }
    var signatures: [SignedNote.Signature] = []
    var failures: [Failure] = []
    for (witness, outcome) in zip(policy.witnesses, asked.outcomes) {
      switch outcome.isAhead ? compared(witness, with: asked.tree) : outcome {
      case .cosigned(let lines): signatures += lines
      case .forked(let theirs, let head):
        guard try isOurs(head, beyond: asked.tree.size) else {
          throw try fork(asked, theirs, head, witness)
        }
        failures.append(ahead(witness, head.size))
      case .failed(let error): failures.append(Failure(witness: witness.name, error: error))
      case .isAhead(let size): failures.append(ahead(witness, size))
      }
    }
    let note = asked.note.adding(signatures)
    let cosignatures = try policy.cosignatures(on: note, ObjectName.checkpoint)
    guard !cosignatures.isEmpty, policy.isQuorum(Set(cosignatures.map(\.witness))) else {
      let reasons = failures.map { "; \($0.error)" }.joined()
      throw VarveError(
        .io,
        "\(cosignatures.count) of \(policy.witnesses.count) witnesses cosigned, which is no quorum\(reasons)",
        hint: "nothing was appended; try again later")
    }
    let text = String(decoding: note.bytes, as: UTF8.self)
    let entry = try log.append { _ in [.cosign(.init(checkpoint: text))] }.first
    return Result(
      entry: entry, size: asked.tree.size, cosignatures: cosignatures, failures: failures)
  }

  /// Whether a head that is larger than what was asked about is of this log: what was cosigned had been appended before, so
  /// that whoever reads on now finds it, unless it was taken back.
  private func isOurs(_ head: TreeHead, beyond size: UInt64) throws -> Bool {
    guard head.size > size else { return false }
    try log.refresh()
    return log.tree.root(atSize: head.size) == head.root
  }

  private func ahead(_ witness: WitnessPolicy.Witness, _ size: UInt64) -> Failure {
    let name = String(decoding: witness.name, as: UTF8.self)
    return Failure(
      witness: witness.name,
      error: VarveError(
        .unproved, "the witness \(name) says that it has cosigned \(size) entries"))
  }

  private func ask() throws -> Asked {
    let note = try log.signedCheckpoint()
    // The head may have moved on since: of the same log, so cut to what was signed.
    let size = try Checkpoint(text: note.text, ObjectName.checkpoint).head.size
    let tree = log.tree
    guard tree.size == size else { return try ask() }
    let hint = log.state.attestations.last { $0.kind == .cosign }?.size ?? 0
    let now = WallClock.now().seconds
    let outcomes = Mutex<[Int: WitnessClient.Outcome]>([:])
    let (policy, exchange, key) = (policy, exchange, key)
    let threads = min(Self.threadLimit, policy.witnesses.count)
    try WorkerThreads.run(count: threads) { thread in
      for place in stride(from: thread, to: policy.witnesses.count, by: threads) {
        let outcome: WitnessClient.Outcome
        do {
          let client = try WitnessClient(policy.witnesses[place], exchange)
          outcome = client.cosign(note, of: tree, by: key, hint: hint, now: now)
        } catch let error as VarveError {
          outcome = .failed(error)
        }
        outcomes.withLock { $0[place] = outcome }
      }
    }
    guard !isInterrupted() else { throw VarveError(.interrupted, "interrupted") }
    let all = outcomes.withLock { outcomes in
      policy.witnesses.indices.map {
        outcomes[$0] ?? .failed(VarveError(.io, "a witness was not asked"))
      }
    }
    return Asked(note: note, tree: tree, outcomes: all)
  }

  private func compared(
    _ witness: WitnessPolicy.Witness, with tree: MerkleTree
  ) -> WitnessClient.Outcome {
    do {
      return try WitnessClient(witness, exchange).comparison(with: tree, by: key)
    } catch let error as VarveError {
      return .failed(error)
    } catch {
      return .failed(VarveError(.io, "a witness cannot be asked", cause: error))
    }
  }

  private func fork(
    _ asked: Asked, _ theirs: SignedNote, _ head: TreeHead, _ witness: WitnessPolicy.Witness
  ) throws -> VarveError {
    let name = ByteText.printable(witness.name)
    let path = try log.keep(
      ForkEvidence(ours: asked.note, theirs: theirs, source: "cosigned by the witness \(name)"))
    let size = asked.tree.size
    let what =
      head.size > size
      ? "the witness \(name) has cosigned \(head.size) entries of \(key.name), and this repository shows \(size)"
      : "the witness \(name) has cosigned \(head.size) entries of \(key.name) that are not the first \(head.size) here"
    return VarveError(
      .unproved, "\(what): the log was forked or rolled back, and both signed heads are in \(path)",
      hint: "find out who changed the repository; whoever has the log's key can verify both heads")
  }
}

extension WitnessClient.Outcome {
  fileprivate var isAhead: Bool { if case .isAhead = self { true } else { false } }
}
