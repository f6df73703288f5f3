import VarveFormat

/// Something that an audit has found.
public struct AuditFinding: Sendable, Equatable {
  public enum Severity: String, Sendable {
    /// A link of the chain is broken: the audit fails.
    case broken
    /// Worth knowing; nothing that was promised is broken.
    case notice
  }

  /// What is broken. The set grows.
  public enum Kind: String, Sendable, CaseIterable {
    /// The log's key is not the one that was given, or does not sign `config`.
    case key
    /// A checkpoint is not signed by the log's key, or signs another log.
    case checkpoint
    /// Entries that are signed for are not there.
    case truncated
    /// The log does not continue a head that is known.
    case fork
    /// An entry's bytes, signature, place or author's chain are not right.
    case entry
    /// A valid signature by somebody who may not do that, or for something that nobody may do.
    case unauthorized
    /// A claimed time cannot be true.
    case time
    /// A snapshot went that the policy in force kept.
    case retention
    /// A snapshot went while it was held.
    case hold
    /// Something that is live was condemned or swept, or something that was condemned was relied on.
    case deletion
    /// No complete snapshot for longer than is allowed.
    case gap
    /// No check without damage for longer than is allowed.
    case check
    /// No receipt for longer than is allowed.
    case receipt
    /// A drill was begun, and the log does not say what came of it.
    case drill
    /// Cosignatures or time stamps are not what is demanded.
    case witness
    /// A tile is not what the entries imply.
    case tile
    /// An object is missing or is not what the log says.
    case object
  }

  public var severity: Severity
  public var kind: Kind

  /// Whether it is the log itself that is not what it should be, and not what was done by it.
  public var breaksChain: Bool {
    guard severity == .broken else { return false }
    switch kind {
    case .key, .checkpoint, .truncated, .fork, .entry, .unauthorized: return true
    default: return false
    }
  }

  /// The entry at which the chain breaks, or which is spoken of.
  public var entry: UInt64?
  /// The object, where one is spoken of.
  public var object: String?
  /// One sentence without a full stop.
  public var message: String

  public init(
    _ severity: Severity, _ kind: Kind, entry: UInt64? = nil, object: String? = nil,
    _ message: String
  ) {
    self.severity = severity
    self.kind = kind
    self.entry = entry
    self.object = object
    self.message = message
  }
}
