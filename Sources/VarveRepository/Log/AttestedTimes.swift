import Synchronization
public import VarveCrypto
public import VarveFormat
public import VarveProof

/// What a log's `cosign` and `anchor` entries prove of the time to somebody who trusts certain witnesses and authorities.
public struct AttestedTimes: Sendable {
  /// An entry that proves nothing, although it should.
  public struct Failure: Sendable {
    public let entry: UInt64
    public let error: VarveError
  }

  public let windows: TimeWindows
  /// Entries whose cosignatures are a quorum, or whose token is an authority's.
  public let proofs: [TimeWindows.Proof]
  public let failures: [Failure]
}

/// Whose word about the time counts.
public struct TimeTrust: Sendable {
  /// Without one, cosignatures prove nothing.
  public let policy: WitnessPolicy?
  /// Without them, tokens prove nothing.
  public let authorities: TimestampAuthorities?

  public init(policy: WitnessPolicy? = nil, authorities: TimestampAuthorities? = nil) {
    self.policy = policy
    self.authorities = authorities
  }

  /// Whether nobody's word counts.
  public var isEmpty: Bool { policy == nil && authorities == nil }

  /// What an entry proves; nil for one of another kind, and for one that only those could prove whom nobody trusts here.
  ///
  /// - Throws: `VarveError.Code.damaged` or `unproved` for a cosignature or token that does not verify, and for
  ///   cosignatures that are no quorum.
  public func proof(by entry: LogEntry) throws -> TimeWindows.Proof? {
    let what = "log entry \(entry.index)"
    switch entry.statement.body {
    case .cosign(let cosigning):
      guard let policy else { return nil }
      let note = try SignedNote(Array(cosigning.checkpoint.utf8), what)
      let size = try Checkpoint(text: note.text, what).head.size
      let cosignatures = try policy.cosignatures(on: note, what)
      guard policy.quorum != nil else { return nil }
      guard let after = policy.newestTime(of: cosignatures),
        let by = policy.oldestTime(of: cosignatures)
      else { throw VarveError(.unproved, "the cosignatures of \(what) are no quorum") }
      return TimeWindows.Proof(entry: entry.index, size: size, after: after, by: by)
    case .anchor(let anchoring):
      guard let authorities else { return nil }
      let note = Array(anchoring.checkpoint.utf8)
      let size = try Checkpoint(note: anchoring.checkpoint, what).head.size
      let token = try TimestampToken(anchoring.token, what)
      try token.verify(
        imprint: SHA256.digest(note), by: authorities, "the time-stamp token of \(what)")
      return TimeWindows.Proof(
        entry: entry.index, size: size,
        after: Timestamp(seconds: token.time.seconds - token.accuracy),
        by: Timestamp(seconds: token.time.seconds + token.accuracy))
    default: return nil
    }
  }
}

extension Log {
  /// Reads and verifies every entry that attests a time.
  ///
  /// - Throws: what reading entries throws; what one of them fails to prove is reported, not thrown.
  ///   O(such entries), each with one signature to verify for every witness.
  public func attestedTimes(_ trust: TimeTrust) throws -> AttestedTimes {
    var proofs: [TimeWindows.Proof] = []
    var failures: [AttestedTimes.Failure] = []
    guard !trust.isEmpty else {
      return AttestedTimes(windows: TimeWindows(proofs), proofs: proofs, failures: failures)
    }
    for attestation in state.attestations {
      try forEachEntry(in: attestation.entry..<attestation.entry + 1) { entry in
        do {
          if let proof = try trust.proof(by: entry) { proofs.append(proof) }
        } catch let error as VarveError
          where error.code == .damaged || error.code == .unproved
        {
          failures.append(AttestedTimes.Failure(entry: entry.index, error: error))
        }
      }
    }
    return AttestedTimes(windows: TimeWindows(proofs), proofs: proofs, failures: failures)
  }

  /// The window of an entry of this log; `index` must be below its size.
  public func window(ofEntry index: UInt64, _ times: AttestedTimes) -> TimeWindow {
    let base = content.withLock { $0.fold.commitStart(ofEntry: index) }
    return times.windows.window(ofEntry: index, base: base)
  }

  /// The checkpoint of the newest head that is known, signed by the log.
  ///
  /// - Throws: `VarveError.Code.forbidden` without the log key; `io` when a power loss could take the head back.
  public func signedCheckpoint() throws -> SignedNote {
    guard let signer = author?.checkpointSigner else {
      throw VarveError(
        .forbidden, "without the log key no checkpoint can be signed",
        hint: "use a credential of the role owner or writer")
    }
    let (head, isSettled) = content.withLock { ($0.fold.head, $0.isSettled) }
    // No head is ever signed that might not stay.
    guard isSettled else {
      throw VarveError(
        .io, "the newest commit of the log may not be durable yet", hint: "try again")
    }
    return try SignedNote(try signer.sign(head), ObjectName.checkpoint)
  }
}
