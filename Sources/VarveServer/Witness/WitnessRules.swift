// What a witness does with a checkpoint that it is asked to cosign (c2sp.org/tlog-witness), as a function of the request
// and of what it has cosigned last:
//
//     no request that can be read                          400
//     an origin that is not among its logs                 404
//     no signature of that log, or one that is not valid   403
//     an old size above the checkpoint's                   400
//     an old size that is not the recorded one             409, with the recorded size
//     the recorded size and another root                   409, without a size
//     a proof that does not lead from there to here        422
//     otherwise                                            recorded, durably, then cosigned: 200
//
// Looking up what is recorded, deciding and recording are one step that no other request can come into.

import VarveFormat
public import VarveProof

/// What is answered to a request over HTTP.
public struct WitnessAnswer: Equatable, Sendable {
  public let status: Int
  public let contentType: String
  public let body: [UInt8]

  init(_ status: Int, contentType: String = "text/plain; charset=utf-8", _ body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  /// A refusal and the reason for it.
  init(_ status: Int, _ reason: String) {
    self.init(status, Array((reason + "\n").utf8))
  }
}

/// The logs that a witness knows, and what it does with their checkpoints.
public struct WitnessRules: Sendable {
  public enum Decision: Equatable, Sendable {
    case refuse(WitnessAnswer)
    /// The log has signed something that was not shown to continue what it had signed before: refused, and worth keeping. It is
    /// a fork, whatever the proof was, when the size is the recorded one. With the log's signatures alone.
    case conflict(WitnessAnswer, SignedNote, Checkpoint, isFork: Bool)
    /// With the log's signatures alone.
    case cosign(SignedNote, Checkpoint)
  }

  private let logs: [VerifierKey]

  public init(logs: [VerifierKey]) { self.logs = logs }

  /// The log's keys: a log is known by its origin, which is the name of its key.
  func keys(of origin: String) -> [VerifierKey] {
    logs.filter { $0.name.utf8.elementsEqual(origin.utf8) }
  }

  /// The origin whose SHA-256 is `hash`.
  func origin(ofHash hash: String, _ hashOf: (String) -> String) -> String? {
    logs.map(\.name).first { hashOf($0) == hash }
  }

  /// - Parameter recorded: the newest head of that origin that was cosigned, or nil for none.
  public func decide(
    _ request: [UInt8], recorded: (_ origin: String) throws -> TreeHead?
  ) throws -> Decision {
    let submission: CheckpointSubmission
    let checkpoint: Checkpoint
    do {
      submission = try CheckpointSubmission(request)
      checkpoint = try Checkpoint(text: submission.note.text, "the submitted checkpoint")
    } catch let error as VarveError {
      return .refuse(WitnessAnswer(400, error.message))
    }
    let keys = keys(of: checkpoint.origin)
    guard !keys.isEmpty else { return .refuse(WitnessAnswer(404, "this log is not known here")) }
    do {
      try submission.note.verify(by: keys, "the submitted checkpoint")
    } catch let error as VarveError {
      return .refuse(WitnessAnswer(403, error.message))
    }
    let head = checkpoint.head
    guard submission.oldSize <= head.size else {
      return .refuse(WitnessAnswer(400, "the old size is larger than the checkpoint's"))
    }
    let known = try recorded(checkpoint.origin) ?? .empty
    guard submission.oldSize == known.size else {
      return .refuse(
        WitnessAnswer(
          409, contentType: CheckpointSubmission.sizeContentType, Array("\(known.size)\n".utf8)))
    }
    let isConsistent =
      known.size == 0
      ? submission.proof.isEmpty && (head.size > 0 || head.root == MerkleHash.emptyRoot)
      : MerkleProof.verifyConsistency(from: known, to: head, proof: submission.proof)
    let own = Self.signatures(of: keys, submission.note)
    guard isConsistent else {
      let isFork = head.size == known.size && head != known
      let answer =
        isFork
        ? WitnessAnswer(409, "another tree of size \(known.size) was cosigned before")
        : WitnessAnswer(422, "the proof does not lead from size \(known.size) to this checkpoint")
      // The recorded head, or one where none is recorded, contradicts nothing: the proof is wrong, which anybody can send.
      guard head != known, known.size > 0 || isFork else { return .refuse(answer) }
      return .conflict(answer, own, checkpoint, isFork: isFork)
    }
    return .cosign(own, checkpoint)
  }

  /// The note with the signatures of these keys, each once.
  private static func signatures(of keys: [VerifierKey], _ note: SignedNote) -> SignedNote {
    note.filtered { _ in false }.adding(
      note.signatures.filter { signature in
        keys.contains {
          $0.keyID == signature.keyID && $0.name.utf8.elementsEqual(signature.name.utf8)
        }
      })
  }
}
