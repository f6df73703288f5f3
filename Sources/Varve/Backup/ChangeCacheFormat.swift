internal import VarveFormat

/// The change cache: what the last backup of a set of sources saw, so that the next one reads only
/// what changed. Local to one machine, never part of the repository; deleting it costs time only.
///
/// Files in `<cache>/<RID>/changes/`, for the set of sources whose key is `<key>`:
///
/// ```
/// <key>.head, <key>.next := "VARVECHG" version:u32(2) flags:u32 snapshot:digest root-record:u64 length:u64
///                  generation:u64 complete:digest complete-tree:digest base-count:u32 base:digest*
///                  check:u64                                                (156 bytes and the bases)
/// <key>.<generation> := record*
/// record        := length:u32 entries:u32 bodies:u32 flags:u32 node:digest root:digest
///                  entry-count:u64 check:u64 signature* body*                          (96 bytes, then)
/// signature     := inode:u64 ctime:s64 mtime:s64 size:u64 body-offset:u32 body-length:u32
///                  child:u64 leaf:digest                                               (80 bytes)
/// ```
/// Bit 0 of a head's flags: its snapshot is a partial one; bit 1: it, or a base of it, has chunks of unfinished files. Bit 0 of a record's: the directory was still in work.
/// Bit 63 of `child`: the entry is carried over.
///
/// A record stands for one directory: its node id, proof root, and for each entry, in name order, the signature
/// by which a change is noticed, the entry's body as it stands in the tree node, the leaf hash of its
/// commitments, and for a subdirectory where its own record is. So an unchanged directory is recognised without
/// encoding or hashing anything, and a changed one reuses what did not change in it.
///
/// Records are appended, children before parents; unchanged ones are shared with the run before. What lies behind
/// `length` is garbage. A head counts while its snapshot is live. `.next` is written before the snapshot's log entry and
/// takes the place of `.head` after it, so whenever a run is killed, one of the two describes what is live.
/// When a complete snapshot leaves less than half of the file in use, it is copied to the next generation. `check` is the
/// first 8 bytes of the SHA-256 of the record with that field left out: a damaged cache reads as none.
///
/// The cache of a partial snapshot describes its tree and, so that an interrupted run loses nothing, what the run before
/// knew of the rest: in the record of a directory that was still in work, entries that were not done are *carried
/// over* from that directory's older record, child records and all. They are not in the partial snapshot
/// but in one of the head's `bases`, and count while all of those are live. The node of such a record has only the entries that
/// are not carried over. `complete` is the newest complete snapshot that this one follows, and its tree; zero if none.
///
/// Times are nanoseconds since 1970. An entry that changed so recently that a later change might carry the
/// same time stamp gets the inode `untrusted` and is read again.
enum ChangeCacheFormat {
  static let magic: [UInt8] = Array("VARVECHG".utf8)
  static let version: UInt32 = 2
  static let headLength = 156
  /// The most bases of a head; each is a run that was interrupted.
  static let baseLimit = 64
  static let recordHeaderLength = 96
  /// Where a record's `check` is.
  static let checkOffset = 88
  static let signatureLength = 80
  static let untrusted = UInt64.max
  static let noRecord = UInt64.max >> 1
  /// The bit of `child` that says that an entry is carried over.
  static let carriedOver: UInt64 = 1 << 63
  /// The flag of a record whose directory was still in work, and of a head whose snapshot is partial.
  static let partial: UInt32 = 1
  static let unfinished: UInt32 = 2
}

/// By what a change of a file is noticed.
struct FileSignature: Equatable {
  var inode: UInt64
  var changed: Int64
  var modified: Int64
  var size: UInt64

  /// Whether a file with `self` is the one that `cached` was taken of, unchanged.
  func matches(_ cached: FileSignature, _ rules: ChangeRules) -> Bool {
    guard cached.inode != ChangeCacheFormat.untrusted, cached.modified == modified,
      cached.size == size
    else { return false }
    return (rules.ignoresInode || cached.inode == inode)
      && (rules.ignoresChangeTime || cached.changed == changed)
  }
}

/// Which parts of a signature count.
struct ChangeRules: Sendable {
  var ignoresInode = false
  var ignoresChangeTime = false
}

/// What a directory's record points to in the repository.
struct NodeReference: Equatable, Sendable {
  var id: Digest
  var root: Digest
  /// Entries in the directory.
  var count: UInt64
}
