public import VarveFormat

/// What a backup reads, what it leaves out, and what it writes into the snapshot record.
///
/// Names and paths are raw bytes: a file name need not be UTF-8.
public struct BackupOptions: Sendable {
  /// Where the data comes from.
  public enum Source: Sendable {
    /// Files and directories, as named by the user: absolute or relative to the working directory.
    case paths([[UInt8]])
    /// Standard input, stored as one file with this path in the snapshot.
    case standardInput(name: [UInt8])
    /// The standard output of a command (program and arguments, found through PATH), stored as one
    /// file with this path. When the command fails, the backup fails and no snapshot is made.
    case command([[UInt8]], name: [UInt8])
    /// A stream, stored as one file with this path. It is opened again when the backup has to begin again.
    case stream(@Sendable () throws -> any BackupStream, name: [UInt8])
    /// A tree that is put together, such as the members of an archive.
    case assembled(AssembledTree)
  }

  /// zstd's effort; every choice stores raw what does not shrink.
  public enum Compression: String, Sendable, CaseIterable {
    case off, fastest, auto, better, max
  }

  /// Which earlier snapshot says what is unchanged.
  public enum Parent: Sendable, Equatable {
    /// The newest live snapshot of the same host and paths.
    case automatic
    /// The snapshot that a selector names (id prefix, `latest`, `latest~N`).
    case selector(String)
    /// None: every file is read (`--force`).
    case none
  }

  public var source: Source

  /// Exclude patterns in restic's syntax, those of files already read in; later ones win, and a
  /// leading `!` takes an earlier match back.
  public var excludes: [[UInt8]] = []
  /// The same, matched without regard to case.
  public var caseInsensitiveExcludes: [[UInt8]] = []
  /// Leave out the content of directories that hold a valid `CACHEDIR.TAG`.
  public var excludeCaches = false
  /// Leave out the content of directories that hold such a file, optionally with that beginning.
  public var excludeIfPresent: [ExclusionTag] = []
  /// Leave out regular files larger than this many bytes.
  public var excludeLargerThan: UInt64?
  /// Name directories in which entries came or went while they were read as problems, as files that changed always are:
  /// then the snapshot is not of one moment.
  public var reportsChangedDirectories = false
  /// Stay on the file systems of the paths named; mount points are saved as empty directories.
  public var oneFileSystem = false

  /// The path under which the (single) source path is stored in the snapshot instead of its own.
  public var asPath: [UInt8]?
  /// The host name recorded; nil for this machine's.
  public var host: [UInt8]?
  public var tags: [String] = []
  /// The time recorded; nil for the moment the backup starts. Change detection never uses it.
  public var time: Timestamp?
  /// Recorded in the snapshot, keys unique.
  public var meta: [String: String] = [:]

  public var parent: Parent = .automatic
  /// Do not take a changed inode number for a changed file.
  public var ignoreInode = false
  /// Do not take a changed ctime for a changed file.
  public var ignoreCtime = false
  /// Make no snapshot when nothing differs from the parent.
  public var skipIfUnchanged = false
  /// Store access times, too.
  public var withAtime = false
  /// Read and chunk, but store nothing.
  public var dryRun = false

  public var compression: Compression = .auto
  /// Where files are cut; nil for the repository's own sizes.
  public var chunkSizes: RepositoryConfig.ChunkSizes?
  /// Decode and verify each pack in memory before it is stored.
  public var verifyPacks = true
  /// How often what is done so far is committed as a partial snapshot, so that an interrupted backup goes on from there, in
  /// nanoseconds; 0 for never.
  public var partialInterval: UInt64 = 15 * 60 * 1_000_000_000
  /// Worker threads; nil for one a processor.
  public var workers: Int?

  public init(source: Source) { self.source = source }
}
