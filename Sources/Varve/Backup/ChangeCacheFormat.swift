internal import VarveFormat

/// The change cache: what the last backup of a set of sources saw, so that the next one reads only
/// what changed. Local to one machine, never part of the repository; deleting it costs time only.
///
/// Two files in `<cache>/<RID>/changes/`, for the set of sources whose key is `<key>`:
///
/// ```
/// <key>.head    := "VARVECHG" version:u32(1) flags:u32 snapshot:digest root-record:u64 length:u64
///                  live:u64 generation:u64 check:u64                                   (88 bytes)
/// <key>.<generation> := record*
/// record        := length:u32 entries:u32 bodies:u32 reserved:u32 node:digest root:digest
///                  entry-count:u64 check:u64 signature* body*                          (96 bytes, then)
/// signature     := inode:u64 ctime:s64 mtime:s64 size:u64 body-offset:u32 body-length:u32
///                  child:u64 leaf:digest                                               (80 bytes)
/// ```
///
/// A record stands for one directory: its node id, proof root, and for each entry, in name order, the signature
/// by which a change is noticed, the entry's body as it stands in the tree node, the leaf hash of its
/// commitments, and for a subdirectory where its own record is. So an unchanged directory is recognised without
/// encoding or hashing anything, and a changed one reuses what did not change in it.
///
/// Records are appended, children before parents; unchanged ones are shared with the run before. The head is
/// replaced by renaming, so a killed run leaves the old state; what lies behind `length` is garbage.
/// When less than half of the file is live it is written anew under the next generation. `check` is the
/// first 8 bytes of the SHA-256 of the record with that field left out: a damaged cache reads as none.
///
/// Times are nanoseconds since 1970. An entry that changed so recently that a later change might carry the
/// same time stamp gets the inode `untrusted` and is read again.
enum ChangeCacheFormat {
  static let magic: [UInt8] = Array("VARVECHG".utf8)
  static let version: UInt32 = 1
  static let headLength = 88
  static let recordHeaderLength = 96
  /// Where a record's `check` is.
  static let checkOffset = 88
  static let signatureLength = 80
  static let untrusted = UInt64.max
  static let noRecord = UInt64.max
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
