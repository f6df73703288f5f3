import Glibc
import Synchronization
internal import VarveFormat

/// One directory on its way into the snapshot: listed by one thread, its files archived by any, encoded by
/// the thread that completes the last thing in it.
final class DirectoryJob: @unchecked Sendable {
  let parent: DirectoryJob?
  /// Which of the parent's entries this is.
  let index: Int
  /// The path as the user knows it, for patterns and messages; empty for the snapshot's root.
  let path: [UInt8]
  let depth: Int
  /// Set for a directory that consists of what the user named, not of what the file system lists.
  let sources: SourceDirectory?
  let cached: CachedDirectory?
  /// Whether all of `cached` is of a base of the change cache: its record was reached through an entry that is carried over.
  let isOfBase: Bool
  var descriptor: Int32 = -1
  var status = FileStatus()
  /// Whether the time stamps of its entries come from another clock than this machine's.
  private var isRemote = false
  var signature = FileSignature(inode: 0, changed: 0, modified: 0, size: 0)
  var listing = DirectoryListing()
  private var table = UnsafeMutablePointer<EntryState>.allocate(capacity: 16)
  private var capacity = 16
  private var count = 0
  /// Entries that are directories to go into.
  var children: [Int] = []
  /// Entries whose content must be read.
  var changedFiles: [Int] = []
  /// Whether `entries` are all of them.
  var isListed = false
  /// The directory could not be read; its entry is left out.
  var failed = false
  /// Leaf hashes and encoded bodies, one buffer for each batch of files.
  let arenas = Mutex<[[UInt8]]>([])
  /// The scan itself, each batch of files and each child directory count one.
  let pending = Atomic<Int>(1)

  init(
    parent: DirectoryJob?, index: Int, path: [UInt8], sources: SourceDirectory?,
    cached: CachedDirectory?, isOfBase: Bool = false
  ) {
    self.parent = parent
    self.index = index
    self.path = path
    self.sources = sources
    self.cached = cached
    self.isOfBase = isOfBase
    depth = (parent?.depth ?? -1) + 1
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    table.deallocate()
  }

  /// The entries that are to be in the snapshot, ascending by name.
  ///
  /// Plain memory rather than an array: once the scan is over, several threads write to entries of their own
  /// at the same time.
  var entries: UnsafeMutableBufferPointer<EntryState> {
    UnsafeMutableBufferPointer(start: table, count: count)
  }

  /// Whether the user named it, and not a directory above it.
  var isNamed: Bool { parent == nil || parent?.sources != nil }

  /// Makes room for so many entries, which spares a directory of 10^6 entries 128 MB of copies.
  func reserve(_ wanted: Int) {
    guard count == 0, wanted > capacity else { return }
    table.deallocate()
    table = .allocate(capacity: wanted)
    capacity = wanted
  }

  /// Adds an entry; only during the scan.
  func append(_ entry: EntryState) {
    if count == capacity {
      let grown = UnsafeMutablePointer<EntryState>.allocate(capacity: capacity * 2)
      grown.moveInitialize(from: table, count: count)
      table.deallocate()
      table = grown
      capacity *= 2
    }
    (table + count).initialize(to: entry)
    count += 1
  }

  func addArena(_ bytes: [UInt8]) -> Int {
    arenas.withLock {
      $0.append(bytes)
      return $0.count - 1
    }
  }

  /// The name of an entry, in the snapshot.
  func withName<T>(
    _ entry: borrowing EntryState, _ body: (UnsafeRawBufferPointer) throws -> T
  ) rethrows -> T {
    if let sources { return try sources.entries[entry.name].name.withUnsafeBytes(body) }
    return try body(listing.bytes(entry.name))
  }

  /// The directory descriptor and the name by which the file system reaches an entry.
  func withLocation<T>(
    _ name: Int, _ body: (Int32, UnsafePointer<CChar>) throws -> T
  ) rethrows -> T {
    if let sources {
      let source = sources.entries[name]
      let directory = source.openDirectory()
      defer { if directory >= 0 { close(directory) } }
      return try source.fileName.withUnsafeBufferPointer {
        try body(directory, $0.baseAddress!)
      }
    }
    return try body(descriptor, listing.name(name))
  }

  /// Notes, once it is open, whose clock its entries are stamped with.
  func noteFileSystem() {
    if let parent, parent.sources == nil, parent.status.device == status.device {
      isRemote = parent.isRemote
    } else {
      isRemote = StampTrust.isRemote(descriptor)
    }
  }

  /// Whether the time stamps of an entry come from another clock than this machine's.
  func isRemote(_ name: Int) -> Bool {
    guard sources != nil else { return isRemote }
    return withLocation(name) { directory, _ in StampTrust.isRemote(directory) }
  }

  /// The path of an entry, as the user knows it.
  func path(of name: Int) -> [UInt8] {
    if let sources { return sources.entries[name].path }
    var result = path
    if result.last != UInt8(ascii: "/") { result.append(UInt8(ascii: "/")) }
    result.append(contentsOf: listing.bytes(name))
    return result
  }
}
