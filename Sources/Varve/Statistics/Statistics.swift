public import VarveFormat
public import VarveRepository

/// How large snapshots are, by one of three measures; add snapshots one after another.
///
/// Subtrees that several snapshots share are walked once, as far as the measure allows.
public final class Statistics {
  public enum Measure: String, Sendable, CaseIterable {
    /// What restoring each snapshot would write; hard links count once a snapshot.
    case restoreSize = "restore-size"
    /// Files, those with the same content counted once over all snapshots.
    case filesByContents = "files-by-contents"
    /// What the repository stores for the snapshots.
    case rawData = "raw-data"
  }

  public struct Report: Sendable, Equatable {
    public var snapshots: UInt64 = 0
    /// Files, directories and everything else that a restore makes; of `filesByContents`, files.
    public var files: UInt64 = 0
    /// Chunks and tree nodes, each counted once; only of `rawData`.
    public var chunks: UInt64 = 0
    /// Bytes: of files, or of `rawData` as stored. A block is stored whole while anything in it is used.
    public var size: UInt64 = 0
    /// Bytes of the chunks before compression; only of `rawData`.
    public var uncompressedSize: UInt64 = 0

    public init() {}

    /// `uncompressedSize` over `size`, or nil where that says nothing.
    public var compressionRatio: Double? {
      guard uncompressedSize > 0, size > 0 else { return nil }
      return Double(uncompressedSize) / Double(size)
    }
  }

  public let measure: Measure
  public private(set) var report = Report()
  private let counter: any StatisticsCounter

  /// - Parameters:
  ///   - source: where nodes and link tables are read.
  ///   - locate: where a chunk lies; asked only for `rawData`.
  public init(
    _ measure: Measure, from source: any ChunkSource,
    locate: @escaping (Digest) -> ChunkLocation?
  ) {
    self.measure = measure
    counter =
      switch measure {
      case .restoreSize: RestoreSizeCounter(source: source)
      case .filesByContents: ContentsCounter(source: source)
      case .rawData: RawDataCounter(source: source, locate: locate)
      }
  }

  /// Adds a snapshot.
  ///
  /// - Throws: `.damaged` and `.missing`.
  public func add(_ snapshot: SnapshotRecord) throws {
    report.snapshots += 1
    try counter.add(snapshot, to: &report)
  }
}

/// One way of counting.
protocol StatisticsCounter: AnyObject {
  func add(_ snapshot: SnapshotRecord, to report: inout Statistics.Report) throws
}
