extension LogStatement {
  /// What a statement says: the members of its predicate that depend on its kind.
  public enum Body: Equatable, Sendable {
    case genesis(Genesis)
    case credential(CredentialChange)
    case snapshot(SnapshotAddition)
    case forget(Forgetting)
    case check(CheckResult)
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

    public init(additions: [Addition] = [], removals: [Removal] = []) {
      self.additions = additions
      self.removals = removals
    }
  }

  /// A snapshot becomes live, and with it the objects it adds.
  public struct SnapshotAddition: Equatable, Sendable {
    /// Packs and index segments that become live with the snapshot.
    public enum Additions: Equatable, Sendable {
      /// At most `listLimit`, ascending by name.
      case listed([ObjectReference])
      /// The inventory that lists them.
      case inventory(Digest)
    }

    /// More objects are put into an inventory.
    public static let listLimit = 32

    public let snapshot: Digest
    public let additions: Additions
    /// The snapshot that this one was compared with.
    public let parent: Digest?
    /// The snapshot that this one is a changed record of.
    public let original: Digest?

    public init(
      snapshot: Digest, additions: Additions, parent: Digest? = nil, original: Digest? = nil
    ) {
      self.snapshot = snapshot
      if case .listed(let objects) = additions {
        self.additions = .listed(objects.sorted())
      } else {
        self.additions = additions
      }
      self.parent = parent
      self.original = original
    }
  }

  /// Snapshots are live no more.
  public struct Forgetting: Equatable, Sendable {
    /// An entry with more does not fit into 61,440 bytes.
    public static let limit = 128

    public let snapshots: [Digest]
    public let reason: String

    public init(snapshots: [Digest], reason: String) {
      self.snapshots = snapshots
      self.reason = reason
    }

    /// As many entries as it takes.
    public static func bodies(forgetting snapshots: [Digest], reason: String) -> [Body] {
      stride(from: 0, to: snapshots.count, by: limit).map { start in
        let end = min(start + limit, snapshots.count)
        return .forget(Forgetting(snapshots: Array(snapshots[start..<end]), reason: reason))
      }
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
    }
  }

  /// The roles whose authors may say so. The recovery author counts as an owner.
  public var permittedRoles: Set<Role> {
    switch self {
    case .genesis, .credential, .forget: [.owner]
    case .snapshot: [.owner, .writer]
    case .check: [.owner, .writer, .reader]
    }
  }
}
