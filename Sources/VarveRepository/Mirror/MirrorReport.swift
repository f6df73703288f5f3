public import VarveFormat

/// What mirroring did.
public struct MirrorReport: Sendable {
  /// An object that the source's log names and that could not be brought to the target.
  public struct Failure: Sendable {
    public enum Kind: Sendable {
      /// It is damaged or missing at the source.
      case notAtSource
      /// It is damaged at the target, which does not let it be replaced.
      case notReplaceable
    }

    public let name: String
    public let kind: Kind
    public let message: String
    /// Whether the target has it: then nothing is lost yet.
    public let isWholeAtTarget: Bool
  }

  /// Whether there was no repository at the target before.
  public let isNew: Bool
  public let dryRun: Bool
  /// Content objects: credentials, inventories, snapshot records, index segments and packs.
  public internal(set) var objectsCopied: UInt64 = 0
  public internal(set) var objectsPresent: UInt64 = 0
  /// Those that were damaged at the target, commits and tiles among them.
  public internal(set) var objectsReplaced: UInt64 = 0
  public internal(set) var objectsDeleted: UInt64 = 0
  /// Of what was copied or replaced.
  public internal(set) var bytesCopied: UInt64 = 0
  public internal(set) var bytesDeleted: UInt64 = 0
  /// Bytes of objects of the target that were read and found right.
  public internal(set) var bytesVerified: UInt64 = 0
  public internal(set) var commitsCopied: UInt64 = 0
  /// Entries of the source's log up to which was mirrored.
  public internal(set) var logSize: UInt64 = 0
  /// With a commit among them that is not at the source the target stays at its earlier state.
  public internal(set) var failures: [Failure] = []
  /// Whether the target does not let this client delete what should be gone.
  public internal(set) var deletionIsForbidden = false
  /// Why a tile or the checkpoint could not be written, if so. Nothing depends on them.
  public internal(set) var derivedFailure: VarveError?
  /// From a monotonic clock, in nanoseconds.
  public internal(set) var duration: UInt64 = 0
}
