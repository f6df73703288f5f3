public import VarveFormat
public import VarveProof

/// What a client demands of a log before it believes that it sees all of it: cosignatures of a quorum of witnesses, and
/// fresh ones. With it, storage can show an old or a forked log not even to a client that has never seen a newer one.
public struct CosignatureRequirement: Sendable {
  public let policy: WitnessPolicy
  /// Seconds; nil for cosignatures of any age.
  public let maximumAge: Int64?

  public init(policy: WitnessPolicy, maximumAge: Int64? = nil) {
    self.policy = policy
    self.maximumAge = maximumAge
  }

  /// Looks from the newest `cosign` entry back for one that has a quorum. Times in the future count as now, but for
  /// more than `TimeWindow.tolerance`: of those nobody can say that they are fresh.
  ///
  /// - Throws: `VarveError.Code.unproved` when there is none, or when the quorum is too old.
  public func check(_ log: Log, now: Timestamp) throws {
    guard policy.admits(try VerifierKey(text: log.config.logKey)) else {
      throw VarveError(
        .unproved, "the witness policy does not have the log \(log.config.origin)",
        hint: "add a line \"log \(log.config.logKey)\" to it, if that is the right log")
    }
    guard policy.quorum != nil else { return }
    guard let (time, entry) = try newestQuorum(log, now: now) else {
      throw VarveError(
        .unproved, "no entry of the log \(log.config.origin) has the cosignatures of a quorum",
        hint: "run 'varve witness cosign' with an owner's or writer's credential")
    }
    guard let maximumAge else { return }
    let age = now.seconds - time.seconds
    guard age <= maximumAge else {
      throw VarveError(
        .unproved,
        "the newest cosignatures of \(log.config.origin), in log entry \(entry), are of "
          + "\(time.utcSeconds): \(age) seconds old, and \(maximumAge) are allowed",
        hint:
          "run 'varve witness cosign' with an owner's or writer's credential; if that was done, this "
          + "storage shows an old state of the repository")
    }
  }

  /// When a quorum last cosigned, and the entry that says so; nil when none has.
  ///
  /// - Throws: what reading entries throws.
  public func newestQuorum(
    _ log: Log, now: Timestamp
  ) throws -> (time: Timestamp, entry: UInt64)? {
    for attestation in log.state.attestations.reversed() where attestation.kind == .cosign {
      if let time = try quorumTime(ofEntry: attestation.entry, log, now) {
        return (time, attestation.entry)
      }
    }
    return nil
  }

  /// The time at which a quorum had cosigned, or nil when it did not.
  private func quorumTime(ofEntry index: UInt64, _ log: Log, _ now: Timestamp) throws -> Timestamp?
  {
    var found: Timestamp?
    try log.forEachEntry(in: index..<index + 1) { entry in
      guard case .cosign(let cosigning) = entry.statement.body else { return }
      let what = "log entry \(index)"
      let note = try SignedNote(Array(cosigning.checkpoint.utf8), what)
      // A writer can add what is no cosignature at all; that must not hide an older one that is.
      let limit = now.seconds + TimeWindow.tolerance
      let cosignatures = ((try? policy.cosignatures(on: note, what)) ?? [])
        .filter { $0.time.seconds <= limit }
      found = policy.newestTime(of: cosignatures)
    }
    return found
  }
}
