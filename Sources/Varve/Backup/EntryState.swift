internal import VarveFormat

/// What is known of one entry of a directory that is being backed up. 64 bytes each: a directory of 10^6
/// entries takes 64 MB while it is in work.
///
/// What is not here is in one of two places: of an unchanged entry all is in the change cache, of a changed one the leaf
/// hash (32 bytes) and the body behind it are in an arena of the job.
struct EntryState {
  /// Where the entry's leaf hash and encoded body are.
  enum Place: UInt8 {
    /// Not yet encoded; an entry still so at the end is left out of the snapshot.
    case none
    /// In the cached directory, unchanged.
    case cached
    case arena
  }

  var signature: FileSignature
  /// Where a directory's record is in the new change cache.
  var record = ChangeCacheFormat.noRecord
  private let storedName: UInt32
  private var storedCached: Int32
  private var arena: UInt32 = 0
  private var start: UInt32 = 0
  private var length: UInt32 = 0
  let type: EntryType
  private(set) var place = Place.none

  /// - Parameter name: index in the directory's listing, at most `DirectoryListing.limit`.
  init(name: Int, type: EntryType, signature: FileSignature) {
    storedName = UInt32(truncatingIfNeeded: name)
    storedCached = -1
    self.type = type
    self.signature = signature
  }

  /// Index in the directory's listing.
  var name: Int { Int(storedName) }

  /// Index in the cached directory, or -1.
  var cached: Int {
    get { Int(storedCached) }
    set { storedCached = Int32(exactly: newValue) ?? -1 }
  }

  /// The body is the cached one.
  mutating func keepCached() { place = .cached }

  /// The leaf hash is in arena `index` from `start` on, the body behind it.
  ///
  /// - Returns: false for more than an arena is made for; the entry is then left as it is.
  mutating func setArena(_ index: Int, _ start: Int, bodyLength: Int) -> Bool {
    guard let index = UInt32(exactly: index), let start = UInt32(exactly: start),
      let bodyLength = UInt32(exactly: bodyLength)
    else { return false }
    (arena, self.start, length, place) = (index, start, bodyLength, .arena)
    return true
  }

  /// The arena, and where in it the leaf hash and the body are; only for an entry that has its body there.
  var arenaPlace: (index: Int, leaf: Int, body: Range<Int>) {
    let body = Int(start) + Digest.byteCount
    return (Int(arena), Int(start), body..<body + Int(length))
  }
}
