public import VarveFormat
public import VarveRepository

/// What is audited, against what.
public struct AuditOptions: Sendable {
  /// How live objects are compared with storage.
  public enum Objects: String, Sendable, CaseIterable {
    /// Not at all: the log alone.
    case none
    /// Presence and size of packs and index segments, the digests of everything smaller.
    case size
    /// The digest of every object.
    case hash
  }

  /// A checkpoint that somebody has kept.
  public struct Pin: Sendable {
    /// For messages: the file's name.
    public var name: String
    public var bytes: [UInt8]
    /// Whether it is a signed note, or its text alone.
    var isSigned: Bool

    /// - Parameter bytes: a signed note.
    public init(name: String, bytes: [UInt8]) {
      self.init(name: name, bytes: bytes, isSigned: true)
    }

    init(name: String, bytes: [UInt8], isSigned: Bool) {
      self.name = name
      self.bytes = bytes
      self.isSigned = isSigned
    }
  }

  /// What was done before is verified, but not judged; nil for the log's beginning.
  public var from: Timestamp?
  /// What was done after this moment is not judged either; nil for the present one.
  public var to: Timestamp?
  /// The log's verifier key, from somebody who is trusted to know it.
  public var key: String?
  public var policy = AuditPolicy()
  public var checkpoints: [Pin] = []
  public var objects = Objects.none
  /// Where this client remembers heads; nil for one that has none.
  public var client: ClientDirectories?
  /// Whose word counts about the time at which the log had some size; the policy's witnesses go before its own.
  public var trust = TimeTrust()
  public var cancellation = CancellationFlag()

  public init() {}
}
