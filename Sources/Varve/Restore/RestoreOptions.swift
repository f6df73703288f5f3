/// What to restore of a snapshot, where to, and what to do about files that are already there.
public struct RestoreOptions: Sendable {
  /// What happens to a file that exists in the target.
  public enum Overwrite: String, Sendable, CaseIterable {
    /// Content is compared chunk by chunk and rewritten where it differs.
    case always
    /// Files whose size and mtime equal the snapshot's are taken for equal, and only their metadata is
    /// set; others are compared as with `always`. An interrupted restore goes on with this.
    case ifChanged = "if-changed"
    /// Only files that are newer in the snapshot are written.
    case ifNewer = "if-newer"
    /// Nothing that exists is touched.
    case never
  }

  /// The directory to restore into; made when missing.
  public var target: [UInt8]
  /// The path inside the snapshot to restore from (`ID:path`), components; empty for the root.
  public var subpath: [[UInt8]] = []

  /// Patterns in restic's syntax; at most one of the two kinds is given. Empty: everything.
  public var includes: [[UInt8]] = []
  public var caseInsensitiveIncludes: [[UInt8]] = []
  public var excludes: [[UInt8]] = []
  public var caseInsensitiveExcludes: [[UInt8]] = []

  /// Nothing but these files, by their paths from the directory that is restored (which begin with `/`), with the directories in which they lie; nil for
  /// everything. What the patterns leave out is left out.
  public var only: Set<[UInt8]>?

  public var overwrite: Overwrite = .always
  /// Remove from the target what the snapshot does not have (within restored directories; what
  /// the patterns leave out is never removed, nor what lies below a mount point inside the target).
  public var delete = false
  /// Leave runs of zero bytes unwritten, so that they become holes; recorded holes always do.
  public var sparse = false
  /// Read everything back from the target and compare it with the snapshot.
  public var verify = false
  /// Say what would be done and change nothing.
  public var dryRun = false
  /// Map owners by name where this machine knows the name, by number otherwise.
  public var ownershipByName = false
  /// Worker threads; nil for a number that suits the machine.
  public var workers: Int?

  // What a staged restore asks of the restores that it consists of.

  /// A dry run does not mind directories in the place of files: they will be moved aside.
  var movesAside = false
  /// Files are to be moved from where they are restored: without inode flags, from directories that are open to us.
  var stages = false
  /// What was put into the target for this restore already, by its path, and what became of it: found whole by size and time,
  /// whatever the overwrite rule.
  var settled: [[UInt8]: RestoreItem.Action] = [:]

  public init(target: [UInt8]) { self.target = target }
}
