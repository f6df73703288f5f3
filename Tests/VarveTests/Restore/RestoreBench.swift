import CVarveLinux
import Glibc
import Synchronization
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// A tree stored in packs in memory, and a directory to restore it into.
final class RestoreBench: Sendable {
  let scratch = TemporaryDirectory()
  let storage = MemoryStorage()
  let root: DirectoryContent
  let links: [[[UInt8]]]
  private let index = ChunkIndex()
  private let repository = SHA256.digest(Array("repository".utf8))
  private let privateKey = SecureRandom.bytes(32)

  /// - Parameter packSize: small ones, so that a test has several packs.
  init(
    _ chunks: MemoryChunks, _ root: DirectoryContent, links: [[String]] = [],
    packSize: Int = 1 << 20
  ) throws {
    self.root = root
    self.links = links.map { $0.map { Array($0.utf8) } }
    let segments = SegmentCipher(
      indexKey: SecretBytes(copying: SecureRandom.bytes(32)), repository: repository)
    let store = ChunkStore(
      index: index, storage: storage,
      recipient: PackRecipient(
        repository: repository,
        publicKey: try X25519.publicKey(of: SecretBytes(copying: privateKey))),
      segments: segments,
      cache: SegmentCache(cipher: segments, storage: storage, directory: nil),
      packSize: packSize, level: .fastest, verifies: true)
    let writer = try store.makeWriter()
    for (_, bytes) in chunks.chunks.sorted(by: { $0.key < $1.key }) {
      let padded = [UInt8](repeating: 0, count: BlockAssembler.headroom) + bytes
      _ = try padded.withUnsafeBytes { raw in
        try writer.addData(
          chunkWithHeadroom: UnsafeRawBufferPointer(rebasing: raw[BlockAssembler.headroom...]))
      }
    }
    try writer.flush()
    _ = try store.finish(by: writer)
  }

  /// Allocated bytes of a file, in the units of 512 in which they are counted.
  func blocks(_ name: String) -> UInt64? { status(name)?.raw.blocks }

  convenience init(
    _ entries: [(name: String, node: Node)], links: [[String]] = [], packSize: Int = 1 << 20
  ) throws {
    let chunks = MemoryChunks()
    let root = try chunks.tree(entries)
    try self.init(chunks, root, links: links, packSize: packSize)
  }

  var target: String { scratch("target") }

  func path(_ name: String) -> String { scratch("target/\(name)") }

  func options(_ change: (inout RestoreOptions) -> Void = { _ in }) -> RestoreOptions {
    var options = RestoreOptions(target: Array(target.utf8))
    options.workers = 2
    change(&options)
    return options
  }

  /// Restores; `through` may be a decorator of the storage.
  @discardableResult
  func restore(
    through: (any StorageBackend)? = nil, observer: (any RestoreObserver)? = nil,
    cancellation: CancellationFlag = CancellationFlag(),
    _ change: (inout RestoreOptions) -> Void = { _ in }
  ) throws -> RestoreReport {
    let storage: any StorageBackend = through ?? storage
    let source = RestoreSource(
      root: root, links: links, index: index, storage: storage,
      keyring: PackKeyring(
        storage: storage, repository: repository,
        privateKey: SecretBytes(copying: privateKey)))
    return try Restore.run(
      source, options: options(change), observer: observer, cancellation: cancellation)
  }

  // MARK: Looking at the target

  func status(_ name: String) -> FileStatus? {
    var status = FileStatus()
    return FileStatus.read(AT_FDCWD, path(name), into: &status) == 0 ? status : nil
  }

  func content(_ name: String) -> [UInt8]? {
    let file = varve_open(AT_FDCWD, path(name), O_RDONLY | O_NOFOLLOW, 0)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = FileStatus()
    guard FileStatus.read(file, into: &status) == 0 else { return nil }
    return [UInt8](unsafeUninitializedCapacity: Int(status.size)) { buffer, count in
      count = max(0, varve_pread(file, buffer.baseAddress!, buffer.count, 0))
    }
  }

  /// Whether a file has these bytes; says no more, since failures print their operands.
  func has(_ name: String, _ bytes: [UInt8]) -> Bool { content(name) == bytes }

  func text(_ name: String) -> String? { content(name).map { String(decoding: $0, as: UTF8.self) } }

  func linkTarget(_ name: String) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4_096) { buffer in
      let count = varve_readlink(AT_FDCWD, path(name), buffer.baseAddress!, buffer.count)
      guard count >= 0 else { return nil }
      return String(
        decoding: UnsafeRawBufferPointer(start: buffer.baseAddress, count: count), as: UTF8.self)
    }
  }

  /// Names in a directory below the scratch directory, sorted.
  func names(_ directory: String = "target") -> [String] {
    let descriptor = OpenAt.userDirectory(scratch(directory))
    guard descriptor >= 0 else { return [] }
    let owned = Descriptor(owning: descriptor)
    var listing = DirectoryListing()
    guard listing.load(owned.number) == 0 else { return [] }
    return (0..<listing.count).map { String(cString: listing.name($0)) }
  }

  // MARK: Preparing the target

  func makeDirectory(_ name: String = "") {
    mkdir(target, 0o755)
    if !name.isEmpty { mkdir(path(name), 0o755) }
  }

  func write(_ name: String, _ bytes: [UInt8], modified: Int64? = nil) throws {
    makeDirectory()
    let file = varve_open(AT_FDCWD, path(name), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    try #require(file >= 0)
    defer { close(file) }
    try #require(varve_pwrite(file, bytes, bytes.count, 0) == bytes.count)
    if let modified { varve_set_file_times(file, modified, 0, modified, 0) }
  }

  func write(_ name: String, _ text: String, modified: Int64? = nil) throws {
    try write(name, Array(text.utf8), modified: modified)
  }
}

/// Remembers what it hears, and may act on it.
final class RecordingObserver: RestoreObserver {
  let progress = RestoreProgress()
  let wantsItems = true
  private let act: @Sendable (RestoreItem) -> Void
  private let heard = Mutex<(items: [RestoreItem], problems: [RestoreProblem])>(([], []))

  init(_ act: @escaping @Sendable (RestoreItem) -> Void = { _ in }) { self.act = act }

  var items: [RestoreItem] { heard.withLock { $0.items } }
  var problems: [RestoreProblem] { heard.withLock { $0.problems } }

  func failed(_ problem: RestoreProblem) { heard.withLock { $0.problems.append(problem) } }

  func finished(_ item: RestoreItem) {
    heard.withLock { $0.items.append(item) }
    act(item)
  }

  func actions() -> [String: RestoreItem.Action] {
    Dictionary(
      items.map { (String(decoding: $0.path, as: UTF8.self), $0.action) },
      uniquingKeysWith: { first, _ in first })
  }
}
