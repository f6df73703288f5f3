public import VarveFormat

/// Which logs are known, which witnesses are trusted, and how many of them must have cosigned a checkpoint
/// (c2sp.org/tlog-policy). Text form: WitnessPolicyText.swift.
///
/// Names are octets, as the specification has them: no Unicode rules apply.
public struct WitnessPolicy: Equatable, Sendable {
  public struct Log: Equatable, Sendable {
    public let key: VerifierKey
    public let url: [UInt8]?
  }

  public struct Witness: Equatable, Sendable {
    /// As the policy names it; nothing outside of it does.
    public let name: [UInt8]
    public let key: WitnessKey
    /// The submission prefix.
    public let url: [UInt8]?
  }

  /// A witness or a group, by its place in `witnesses` or `groups`.
  public enum Member: Hashable, Sendable {
    case witness(Int)
    case group(Int)
  }

  /// Has witnessed a checkpoint when at least `threshold` of its members have.
  public struct Group: Equatable, Sendable {
    public let name: [UInt8]
    public let threshold: Int
    /// Groups among them stand before this one.
    public let members: [Member]
  }

  public let logs: [Log]
  public let witnesses: [Witness]
  public let groups: [Group]
  /// Nil when no cosignature is needed.
  public let quorum: Member?

  /// Whether checkpoints of the log count: a policy without logs leaves it to the context which log it is about.
  public func admits(_ log: VerifierKey) -> Bool {
    logs.isEmpty || logs.contains { $0.key == log }
  }

  /// Whether cosignatures of `cosigners` are a quorum. O(members of all groups).
  public func isQuorum(_ cosigners: Set<WitnessKey>) -> Bool {
    var isMet: [Bool] = []
    isMet.reserveCapacity(groups.count)
    func hasWitnessed(_ member: Member) -> Bool {
      switch member {
      case .witness(let place): cosigners.contains(witnesses[place].key)
      case .group(let place): isMet[place]
      }
    }
    for group in groups {
      isMet.append(group.members.count(where: hasWitnessed) >= group.threshold)
    }
    return quorum.map(hasWitnessed) ?? true
  }

  /// The cosignatures of this policy's witnesses on a note. Whether they are a quorum is for `isQuorum`.
  ///
  /// - Throws: `VarveError.Code.damaged` when one of them does not verify.
  public func cosignatures(on note: SignedNote, _ what: String) throws -> [Cosignature] {
    try note.cosignatures(by: witnesses.map(\.key), what)
  }

  /// The latest moment such that the cosignatures made then or later are a quorum: whoever has them has them
  /// after that moment, unless all of a quorum state a wrong time.
  ///
  /// - Returns: nil when they are no quorum, or when the policy needs none, which proves no time. O(n²) for n
  ///   cosignatures.
  public func newestTime(of cosignatures: [Cosignature]) -> Timestamp? {
    time(of: cosignatures, ascending: false) { $0 >= $1 }
  }

  /// The earliest moment such that the cosignatures made then or before are a quorum: the checkpoint was there at
  /// that moment, unless all of a quorum state a wrong time.
  ///
  /// - Returns: nil as for `newestTime`.
  public func oldestTime(of cosignatures: [Cosignature]) -> Timestamp? {
    time(of: cosignatures, ascending: true) { $0 <= $1 }
  }

  private func time(
    of cosignatures: [Cosignature], ascending: Bool, _ counts: (Timestamp, Timestamp) -> Bool
  ) -> Timestamp? {
    guard quorum != nil else { return nil }
    let times = Set(cosignatures.map(\.time)).sorted { ascending ? $0 < $1 : $0 > $1 }
    return times.first { time in
      isQuorum(Set(cosignatures.filter { counts($0.time, time) }.map(\.witness)))
    }
  }
}
