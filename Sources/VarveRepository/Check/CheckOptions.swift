/// What a check looks at beyond the structure, which it always checks.
public struct CheckOptions: Sendable {
  /// Which packs are read whole and verified, chunk by chunk.
  public enum ReadData: Sendable, Equatable {
    case none
    case all
    /// Part `part` of `total` parts, counted from 1, which together are all: a pack's part follows from
    /// its name, so `1/7` to `7/7` on seven days read everything once.
    case part(Int, of: Int)
    /// About this fraction of the packs' bytes, above 0 and at most 1, chosen at random.
    case fraction(Double)
    /// Packs chosen at random that add up to at least so many bytes, or all.
    case bytes(UInt64)
  }

  public var readData: ReadData = .none
  /// Makes the random choice of packs repeatable.
  public var seed: UInt64?
  /// Whether proof roots are computed again; nil for when `readData` is `.all`. Takes the proof key,
  /// which every credential has.
  public var verifyProofRoots: Bool?
  /// Whether the result is appended to the log. A check that cannot be recorded is still a check: the
  /// report says why.
  public var record = true
  /// Threads that read packs; nil for one a processor.
  public var workers: Int?

  public init(readData: ReadData = .none) { self.readData = readData }
}
