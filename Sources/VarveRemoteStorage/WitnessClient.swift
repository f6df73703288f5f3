// Asking a witness to cosign (c2sp.org/tlog-witness):
//
//     POST <url>/add-checkpoint     old size, proof, checkpoint
//       200   the cosignature
//       409   the size that it has cosigned: the proof is made from there, and asked again
//             without a size: it has cosigned another tree of the checkpoint's size
//       422   what it has cosigned is no prefix of the checkpoint
//     GET <url>/<hex of SHA-256 of the origin>/checkpoint      what it has cosigned, when that does not fit to our log
//
// A checkpoint that the log has signed and that is none of our tree is a fork: two signed heads that cannot both be
// right, whatever the witness is worth.

import VarveCrypto
public import VarveFormat
public import VarveProof

/// A client of one witness.
public struct WitnessClient: Sendable {
  /// What became of asking.
  public enum Outcome: Sendable {
    /// Signature lines of the witness, verified.
    case cosigned([SignedNote.Signature])
    /// It has cosigned a tree of this size, which is larger than ours.
    case isAhead(UInt64)
    /// It has a checkpoint with the log's signature that is not of our tree.
    case forked(theirs: SignedNote, TreeHead)
    case failed(VarveError)
  }

  private static let attemptLimit = 4
  private static let largestAnswer = 64 << 10

  private let witness: WitnessPolicy.Witness
  private let url: String
  private let exchange: HTTPExchange

  /// - Throws: `VarveError.Code.usage` when the policy gives no URL for the witness.
  public init(_ witness: WitnessPolicy.Witness, _ exchange: HTTPExchange) throws {
    guard let url = witness.url, let text = String(validating: url, as: UTF8.self) else {
      throw VarveError(
        .usage, "the policy says no URL for the witness \(Self.name(witness))",
        hint: "add its submission prefix at the end of its line")
    }
    self.witness = witness
    self.url = text.hasSuffix("/") ? String(text.dropLast()) : text
    self.exchange = exchange
  }

  private static func name(_ witness: WitnessPolicy.Witness) -> String {
    String(decoding: witness.name, as: UTF8.self)
  }

  private var name: String { Self.name(witness) }

  /// Asks for a cosignature.
  ///
  /// - Parameters:
  ///   - note: the checkpoint of `tree`, signed by the log.
  ///   - hint: the size that the witness has cosigned last, if it is known; 0 otherwise.
  ///   - now: seconds since 1970-01-01T00:00:00Z, for judging the time that it states.
  public func cosign(
    _ note: SignedNote, of tree: MerkleTree, by log: VerifierKey, hint: UInt64 = 0, now: Int64
  ) -> Outcome {
    do {
      return try ask(note, tree, log, hint, now)
    } catch let error as VarveError {
      return .failed(error)
    } catch {
      return .failed(VarveError(.io, "the witness \(name) cannot be asked", cause: error))
    }
  }

  private func ask(
    _ note: SignedNote, _ tree: MerkleTree, _ log: VerifierKey, _ hint: UInt64, _ now: Int64
  ) throws -> Outcome {
    var old = min(hint, tree.size)
    for _ in 0..<Self.attemptLimit {
      guard let proof = tree.consistencyProof(from: old, to: tree.size) else {
        return .isAhead(old)
      }
      let submission = CheckpointSubmission(oldSize: old, proof: proof, note: note)
      let answer = try answered {
        try exchange.post(
          "\(url)/add-checkpoint", submission.bytes, contentType: "text/plain; charset=utf-8",
          largestAnswer: Self.largestAnswer)
      }
      switch answer.status {
      case 200: return .cosigned(try cosignatures(answer.body, on: note, now))
      case 409 where answer.contentType == CheckpointSubmission.sizeContentType:
        let text = String(decoding: answer.body, as: UTF8.self)
        guard text.hasSuffix("\n"), let size = CheckpointSubmission.size(text.dropLast()),
          size != old
        else { throw failure("does not say which size it has cosigned") }
        guard size <= tree.size else { return .isAhead(size) }
        old = size
      case 409, 422:
        // It may have gone on since, in the same log: that is only known after reading on.
        let outcome = try comparison(with: tree, by: log)
        if case .forked(_, let head) = outcome, head.size > tree.size { return .isAhead(head.size) }
        return outcome
      default: throw failure("answers \(answer.status): \(answer.text)")
      }
    }
    throw failure("says another size each time")
  }

  /// The lines of an answer that are the witness's, verified.
  private func cosignatures(
    _ body: [UInt8], on note: SignedNote, _ now: Int64
  ) throws -> [SignedNote.Signature] {
    let what = "the answer of the witness \(name)"
    let answered = try SignedNote(note.bytes + body, what)
    guard answered.text == note.text else { throw failure("answers with another checkpoint") }
    let cosignatures = try answered.cosignatures(by: [witness.key], what)
    guard !cosignatures.isEmpty else { throw failure("answers without its signature") }
    for cosignature in cosignatures {
      let difference = cosignature.time.seconds - now
      guard abs(difference) <= TimeWindow.tolerance else {
        throw failure(
          "states the time \(cosignature.time.utcSeconds), which is \(difference) seconds off")
      }
    }
    return answered.signatures.filter {
      $0.keyID == witness.key.keyID && $0.name.utf8.elementsEqual(witness.key.name.utf8)
    }
  }

  /// Fetches what the witness has cosigned, and says whether that is of our tree.
  public func comparison(with tree: MerkleTree, by log: VerifierKey) throws -> Outcome {
    let what = "the checkpoint that the witness \(name) shows"
    let origin = SHA256.digest(Array(log.name.utf8)).hex
    let answer = try answered {
      try exchange.get(
        "\(url)/\(origin)/checkpoint", largestAnswer: SignedNote.largestByteCount)
    }
    guard answer.status == 200 else {
      throw failure(
        "says that this log is not the one it knows, but shows none (\(answer.status))", .unproved)
    }
    let note = try SignedNote(answer.body, what)
    try note.verify(by: [log], what)
    guard try !note.cosignatures(by: [witness.key], what).isEmpty else {
      throw failure("shows a checkpoint that it has not cosigned", .unproved)
    }
    let checkpoint = try Checkpoint(text: note.text, what)
    guard checkpoint.origin.utf8.elementsEqual(log.name.utf8) else {
      throw failure("shows a checkpoint of another log", .unproved)
    }
    let head = checkpoint.head
    guard tree.root(atSize: head.size) != head.root else {
      throw failure("refuses, although what it has cosigned is of this log")
    }
    return .forked(theirs: note, head)
  }

  /// Says which witness it was that could not be asked.
  private func answered(_ ask: () throws -> HTTPExchange.Answer) throws -> HTTPExchange.Answer {
    do {
      return try ask()
    } catch let error as VarveError {
      throw VarveError(error.code, "the witness \(name): \(error.message)", hint: error.hint)
    }
  }

  private func failure(_ what: String, _ code: VarveError.Code = .io) -> VarveError {
    VarveError(code, "the witness \(name) at \(url) \(what)")
  }
}
