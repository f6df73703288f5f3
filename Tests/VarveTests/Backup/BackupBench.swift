import Glibc
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// A repository in memory and a source directory, backed up through the library's face.
final class BackupBench {
  let scratch = TemporaryDirectory()
  let storage = MemoryStorage()
  let client: ClientDirectories
  let unlocked: UnlockedRepository

  init(
    chunks: RepositoryConfig.ChunkSizes? = nil, packSize: Int = RepositoryConfig.standardPackSize
  ) throws {
    client = ClientDirectories(cache: scratch.path + "/cache", state: scratch.path + "/state")
    mkdir(scratch.path + "/cache", 0o700)
    mkdir(scratch.path + "/source", 0o755)
    var options = InitOptions(passwordCost: .least)
    // Small ones, so that small files have several chunks.
    options.chunkSizes =
      try chunks ?? RepositoryConfig.ChunkSizes(min: 4 << 10, target: 8 << 10, max: 32 << 10)
    options.packSize = packSize
    unlocked = try Repository.initialize(
      storage: storage, secret: .password(SecretBytes(copying: Array("password".utf8))),
      options: options, client: client)
  }

  var source: String { scratch.path + "/source" }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    let path = "\(source)/\(name)"
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    try #require(file >= 0)
    defer { close(file) }
    try #require(Glibc.write(file, bytes, bytes.count) == bytes.count)
  }

  /// Lets the clock pass the last change, so that the change cache trusts what it will see. A ctime cannot be
  /// set, so there is no other way.
  func settle() { usleep(40_000) }

  func backUp(
    _ path: String? = nil, _ change: (inout BackupOptions) -> Void = { _ in }
  ) throws -> BackupReport {
    var options = BackupOptions(source: .paths([Array((path ?? source).utf8)]))
    options.asPath = Array("/data".utf8)
    change(&options)
    return try Backup.run(try IndexedRepository(unlocked), options: options)
  }

  /// The entry at `path` of a snapshot.
  func entry(_ snapshot: Digest, _ path: String) throws -> TreeEntry {
    let record = try unlocked.snapshotRecord(snapshot)
    let reader = try IndexedRepository(unlocked).makeReader()
    return try #require(
      try TreeLookup.entry(
        at: SnapshotPath(Array(path.utf8)), below: record.rootDirectory, from: reader))
  }

  /// The bytes of a file of a snapshot, its digest compared.
  func content(_ snapshot: Digest, _ path: String) throws -> [UInt8] {
    guard case .file(let file) = try entry(snapshot, path).content else {
      throw VarveError(.notFound, "\(path) is no file")
    }
    let reader = try IndexedRepository(unlocked).makeReader()
    var data: [UInt8] = []
    try file.forEachChunk(from: reader) { data += try reader.chunk($0.address) }
    var bytes: [UInt8] = []
    var next = data.startIndex
    for hole in file.holes {
      let count = Int(hole.offset) - bytes.count
      bytes += data[next..<next + count]
      next += count
      bytes += [UInt8](repeating: 0, count: Int(hole.length))
    }
    bytes += data[next...]
    #expect(UInt64(bytes.count) == file.size)
    if file.size > 0 { #expect(SHA256.digest(bytes) == file.digest) }
    return bytes
  }
}
