public import VarveFormat
public import VarveProof

/// What an audit has verified and found.
public struct AuditReport: Sendable {
  /// A head that somebody vouches for.
  public struct SignedHead: Sendable {
    public var name: String
    public var head: TreeHead
    /// The root that the log has at that size, where it is another one.
    public var conflict: TreeHead?
    /// That the log continues it (RFC 6962, section 2.1.2), to the log's end; nil where it does not, or where that cannot be known.
    public var proof: [Digest]?

    public init(name: String, head: TreeHead) {
      self.name = name
      self.head = head
    }
  }

  /// The part of the log that was judged.
  public struct Period: Sendable {
    public var from: Timestamp?
    public var to: Timestamp
    /// The log before the period, and at its end.
    public var first, last: TreeHead
    /// That the one is the beginning of the other.
    public var proof: [Digest]

    public var entries: Range<UInt64> { first.size..<last.size }
  }

  public struct Author: Sendable {
    public var keyID: KeyID
    public var role: Role
    /// Nil for the recovery author.
    public var credential: Digest?
    public var added: UInt64
    public var removed: UInt64?
    /// Entries in the period.
    public var entries: UInt64
  }

  public struct Source: Sendable {
    public var id: Digest
    /// Complete snapshots logged in the period.
    public var snapshots: UInt64
    /// Complete snapshots that are live at its end.
    public var live: UInt64
    /// When the newest of them was logged.
    public var newest: Timestamp?
    /// The longest time without one, in seconds, and where it ends.
    public var longestGap: Int64
    public var gapEnd: Timestamp?
    public var allowedGap: RetentionDuration?
  }

  public struct Snapshots: Sendable {
    public var added: UInt64 = 0
    public var partial: UInt64 = 0
    /// Let go by the policy in force, or where none was.
    public var forgotten: UInt64 = 0
    /// Records that others of the same tree, source and time took the place of.
    public var replaced: UInt64 = 0
    /// Let go, or left without a tag that the policy names, although the policy kept them.
    public var overridden: UInt64 = 0
    public var restored: UInt64 = 0
    /// At the end of the period.
    public var live: UInt64 = 0

    public init() {}
  }

  public struct Objects: Sendable {
    public var mode: AuditOptions.Objects
    public var checked: UInt64
    public var bytesRead: UInt64
    public var unreferenced: UInt64
  }

  /// A change that people want to see with its date: of authors, policies and holds.
  public struct Event: Sendable {
    public var entry: UInt64
    public var time: Timestamp
    public var kind: String
    public var author: KeyID
    public var text: String
  }

  public var origin: String
  public var key: String
  /// Whether somebody other than the repository vouches for the key.
  public var isKeyGiven: Bool
  public var program: String
  public var generated: Timestamp
  /// The log as far as it was verified.
  public var head: TreeHead
  /// Whether that is all of it.
  public var isWhole: Bool
  public var commits: UInt64
  public var tiles: UInt64
  /// The stored checkpoint; nil when there is none that is signed well.
  public var checkpoint: SignedHead?
  public var pins: [SignedHead]
  public var period: Period
  /// Entries of the period by kind.
  public var kinds: [String: UInt64]
  public var authors: [Author]
  public var snapshots: Snapshots
  public var sources: [Source]
  /// In the period: checks, and those of them that found damage.
  public var checks: (all: UInt64, damaged: UInt64)
  public var receipts: UInt64
  /// How many proofs of time the log has.
  public var timeProofs: UInt64
  public var objects: Objects?
  /// In the order of the log; at most `eventLimit`.
  public var events: [Event]
  public var omittedEvents: UInt64
  public var timeline: AuditTimeline
  /// The first broken link first.
  public var findings: [AuditFinding]

  public static let eventLimit = 200

  public var broken: [AuditFinding] { findings.filter { $0.severity == .broken } }
  public var notices: [AuditFinding] { findings.filter { $0.severity == .notice } }
  public var holds: Bool { !findings.contains { $0.severity == .broken } }
}

/// What happened when, in equal parts of the period.
public struct AuditTimeline: Sendable {
  public struct Lane: Sendable {
    public enum Kind: String, Sendable {
      case snapshots, forgotten, checks, receipts, deletions, changes, broken
    }
    public var kind: Kind
    /// Of `snapshots`: the source, or nil for all others together.
    public var source: Digest?
    /// How many in each part.
    public var counts: [UInt32]
  }

  public static let partCount = 160
  public static let sourceLimit = 8

  public var start, end: Timestamp
  public var lanes: [Lane]
}
