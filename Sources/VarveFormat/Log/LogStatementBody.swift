extension LogStatement {
  /// What a statement says: the members of its predicate that depend on its kind.
  public enum Body: Equatable, Sendable {
    case genesis(Genesis)
    case credential(CredentialChange)
    case snapshot(SnapshotAddition)
    case forget(Forgetting)
    case check(CheckResult)
    case policy(PolicyChange)
    case hold(Hold)
    case release(Release)
    case repack(Repack)
    case condemn(Condemnation)
    case sweep(Sweep)
    case undo(Undo)
    case lost(Loss)
    case receipt(Receipt)
    case threshold(Threshold)
    /// Holds what is proposed.
    indirect case proposal(Proposal)
    case approval(Approval)
    case cosign(Cosigning)
    case anchor(Anchoring)
  }

  /// The first entry of a log.
  public struct Genesis: Equatable, Sendable {
    /// The digest of the object `config`.
    public let config: Digest
    /// Ed25519 public key of the recovery author; 32 bytes.
    public let authorKey: [UInt8]

    public init(config: Digest, authorKey: [UInt8]) {
      self.config = config
      self.authorKey = authorKey
    }
  }

  /// Credentials, and with each its author, come and go.
  public struct CredentialChange: Equatable, Sendable {
    public struct Addition: Equatable, Sendable {
      /// Ed25519 public key; 32 bytes.
      public let authorKey: [UInt8]
      public let credential: Digest
      public let keyID: KeyID
      public let role: Role

      public init(authorKey: [UInt8], credential: Digest, keyID: KeyID, role: Role) {
        self.authorKey = authorKey
        self.credential = credential
        self.keyID = keyID
        self.role = role
      }
    }

    public struct Removal: Equatable, Sendable {
      public let credential: Digest
      public let keyID: KeyID

      public init(credential: Digest, keyID: KeyID) {
        self.credential = credential
        self.keyID = keyID
      }
    }

    public let additions: [Addition]
    public let removals: [Removal]
    /// The proposal that this carries out.
    public let proposal: UInt64?

    public init(
      additions: [Addition] = [], removals: [Removal] = [], proposal: UInt64? = nil
    ) {
      self.additions = additions
      self.removals = removals
      self.proposal = proposal
    }
  }

  /// A snapshot becomes live, and with it the objects it adds.
  public struct SnapshotAddition: Equatable, Sendable {
    /// More tags do not fit into an entry with room to spare.
    public static let tagLimit = 256

    public let snapshot: Digest
    /// Packs and index segments that become live with the snapshot.
    public let additions: ObjectList
    /// The snapshot that this one was compared with.
    public let parent: Digest?
    /// A snapshot of the same tree, of which this one is a changed record.
    public let original: Digest?
    /// The opaque id of the host and paths saved; nil in entries from before there were any.
    public let source: Digest?
    /// The opaque ids of the tags; ascending, each once.
    public let tags: [Digest]
    /// Whether the backup was still under way.
    public let isPartial: Bool
    /// Commits to the tree, without telling anything of it; nil in entries from before there were any.
    public let tree: Digest?
    /// The record's time: whole seconds, in its own offset. Nil in entries from before there were any.
    public let taken: Timestamp?

    public init(
      snapshot: Digest, additions: ObjectList, parent: Digest? = nil, original: Digest? = nil,
      source: Digest? = nil, tags: [Digest] = [], isPartial: Bool = false, tree: Digest? = nil,
      taken: Timestamp? = nil
    ) {
      self.snapshot = snapshot
      self.additions = additions.sorted
      self.parent = parent
      self.original = original
      self.source = source
      self.tags = Set(tags).sorted()
      self.isPartial = isPartial
      self.tree = tree
      self.taken = taken.map { Timestamp(seconds: $0.seconds, offset: $0.offset) }
    }
  }

  /// Somebody checked the repository.
  public struct CheckResult: Equatable, Sendable {
    /// More damaged objects are not named in the entry.
    public static let damagedLimit = 100

    public let isDamaged: Bool
    /// What was checked, such as `structure` or `read-data`.
    public let scope: String
    public let counts: [String: Int64]
    /// Object names, at most `damagedLimit`.
    public let damaged: [String]
    public let started: Timestamp

    public init(
      isDamaged: Bool, scope: String, counts: [String: Int64], damaged: [String], started: Timestamp
    ) {
      self.isDamaged = isDamaged
      self.scope = scope
      self.counts = counts
      self.damaged = Array(damaged.prefix(Self.damagedLimit))
      self.started = Timestamp(seconds: started.seconds)
    }
  }
}

extension LogStatement.Body {
  /// As the predicate type names it.
  public var kind: String {
    switch self {
    case .genesis: "genesis"
    case .credential: "credential"
    case .snapshot: "snapshot"
    case .forget: "forget"
    case .check: "check"
    case .policy: "policy"
    case .hold: "hold"
    case .release: "release"
    case .repack: "repack"
    case .condemn: "condemn"
    case .sweep: "sweep"
    case .undo: "undo"
    case .lost: "lost"
    case .receipt: "receipt"
    case .threshold: "threshold"
    case .proposal: "proposal"
    case .approval: "approval"
    case .cosign: "cosign"
    case .anchor: "anchor"
    }
  }

  /// The roles whose authors may ever say so. The recovery author counts as an owner. What a writer may
  /// forget, and which policy it may set, depends on the state (`LogState.permittedRoles`).
  public var permittedRoles: Set<Role> {
    switch self {
    case .genesis, .credential, .release, .repack, .condemn, .sweep, .undo, .lost, .threshold,
      .proposal, .approval:
      [.owner]
    case .snapshot, .forget, .policy, .hold, .cosign, .anchor: [.owner, .writer]
    case .check, .receipt: [.owner, .writer, .reader]
    }
  }
}
