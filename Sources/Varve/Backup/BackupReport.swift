internal import Synchronization
public import VarveFormat
internal import VarveRepository

/// What a backup did: restic's summary (docs/json.md, "backup"), and what could not be read.
public struct BackupReport: Sendable {
  /// The new snapshot; nil after a dry run and when it was skipped because nothing had changed.
  public var snapshot: Digest?
  /// The parent that was used for change detection.
  public var parent: Digest?
  /// The partial snapshot of an interrupted backup that this one went on from.
  public var resumed: Digest?
  /// How often the backup was begun: again each time that data it relied on was pruned meanwhile.
  public var attempts = 1
  public var counts = SourceCounts()
  /// Sockets met; they cannot be saved.
  public var socketsSkipped: UInt64 = 0
  /// Each source file or directory that could not be read in full, in no particular order.
  public var problems: [SourceProblem] = []
  public var dryRun = false
  /// The mean length of chunks that was asked for; nil for the repository's own sizes.
  public var chunkSize: Int?
  /// When the backup began and ended, by this machine's clock.
  public var start: Timestamp
  public var end: Timestamp
  /// From a monotonic clock, in nanoseconds.
  public var duration: UInt64 = 0

  public init(start: Timestamp) {
    self.start = start
    self.end = start
  }
}

/// The counts of a snapshot's summary (docs/json.md, "summary").
public struct SourceCounts: Sendable, Equatable {
  public var filesNew: UInt64 = 0
  public var filesChanged: UInt64 = 0
  public var filesUnmodified: UInt64 = 0
  public var directoriesNew: UInt64 = 0
  public var directoriesChanged: UInt64 = 0
  public var directoriesUnmodified: UInt64 = 0
  /// Chunks of file content that were not yet in the repository.
  public var dataChunks: UInt64 = 0
  /// Tree nodes that were not yet in the repository.
  public var treeChunks: UInt64 = 0
  /// Bytes of those chunks and nodes before compression.
  public var dataAdded: UInt64 = 0
  /// Bytes by which storage grew for them.
  public var dataAddedPacked: UInt64 = 0
  public var filesProcessed: UInt64 = 0
  public var bytesProcessed: UInt64 = 0

  public init() {}
}

/// A source that could not be read, or not in full.
public struct SourceProblem: Sendable, Equatable {
  /// What was being done when it failed.
  public enum Stage: String, Sendable {
    /// Finding out what there is: stat, reading a directory.
    case scan
    /// Reading content or metadata.
    case archival
  }

  public var path: [UInt8]
  public var message: String
  public var stage: Stage
  /// Whether the snapshot has it, though not as it is: it changed while it was read, or lacks attributes.
  public var isKept: Bool

  public init(
    path: [UInt8], message: String, stage: Stage = .archival, isKept: Bool = false
  ) {
    self.isKept = isKept
    self.path = path
    self.message = message
    self.stage = stage
  }
}

extension SourceCounts {
  /// The counts as a snapshot record keeps them, with the backup's start and end.
  package func summary(start: Timestamp, end: Timestamp) -> [String: JSONValue] {
    [
      "backup_end": .string(end.precise),
      "backup_start": .string(start.precise),
      "data_added": .integer(Int64(clamping: dataAdded)),
      "data_added_packed": .integer(Int64(clamping: dataAddedPacked)),
      "data_blobs": .integer(Int64(clamping: dataChunks)),
      "dirs_changed": .integer(Int64(clamping: directoriesChanged)),
      "dirs_new": .integer(Int64(clamping: directoriesNew)),
      "dirs_unmodified": .integer(Int64(clamping: directoriesUnmodified)),
      "files_changed": .integer(Int64(clamping: filesChanged)),
      "files_new": .integer(Int64(clamping: filesNew)),
      "files_unmodified": .integer(Int64(clamping: filesUnmodified)),
      "total_bytes_processed": .integer(Int64(clamping: bytesProcessed)),
      "total_files_processed": .integer(Int64(clamping: filesProcessed)),
      "tree_blobs": .integer(Int64(clamping: treeChunks)),
    ]
  }
}

extension SourceCounts {
  /// Takes over what a store has counted.
  mutating func take(_ counters: ChunkStore.Counters) {
    dataChunks = counters.dataChunks.load(ordering: .relaxed)
    treeChunks = counters.treeChunks.load(ordering: .relaxed)
    dataAdded =
      counters.dataBytes.load(ordering: .relaxed) + counters.treeBytes.load(ordering: .relaxed)
    dataAddedPacked = counters.storedBytes.load(ordering: .relaxed)
  }
}
