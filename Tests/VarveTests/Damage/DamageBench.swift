import Glibc
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// A repository to damage, and what is right in it.
final class DamageBench {
  enum Size {
    /// About 25 kB: every kind of object but tiles and long logs.
    case small
    /// About 1 MB: also tiles, an inventory that a backup wrote, chunk lists, a directory in many packs.
    case whole
  }

  let bench: BackupBench
  let damaged: DamagedStorage
  private(set) var snapshots: [Digest] = []
  /// Of two key files: the second one's credential is there to be damaged.
  let keyFiles: [(credential: Digest, text: [UInt8])]
  /// What a whole reading of the snapshots gives.
  private(set) var content: [Digest] = []
  /// The files of each snapshot, by their paths in it.
  private(set) var files: [[String: [UInt8]]] = []
  private let fresh = TemporaryDirectory()
  private var count = 0

  init(_ size: Size) throws {
    let bench = try BackupBench(
      chunks: RepositoryConfig.ChunkSizes(min: 4 << 10, target: 1 << 10, max: 16 << 10),
      packSize: 4 << 10)
    self.bench = bench
    damaged = DamagedStorage(bench.storage)
    keyFiles = try (0..<(size == .small ? 1 : 2)).map { number in
      let file = try bench.unlocked.addKeyFile(label: "file \(number)")
      return (file.credential, file.text.withUnsafeBytes { Array($0) })
    }
    try fill(size)
    for id in snapshots { content.append(try read(id, bench.unlocked)) }
  }

  /// Runs `body` with the object as it is, then damages it again.
  func reading(_ name: String, _ body: () throws -> Void) throws {
    let bytes = try damaged.read(name)
    damaged.heal()
    try body()
    damaged.damage(name, bytes)
  }

  func contents(of path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_NOFOLLOW)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = Glibc.read(file, &bytes, bytes.count)
    return count < 0 ? nil : Array(bytes.prefix(count))
  }

  /// What the source has now.
  private func sourceFiles() -> [String: [UInt8]] {
    var found: [String: [UInt8]] = [:]
    for name in ["text", "few/small", "few/noise", "few/linked", "few/empty", "long", "f7"] {
      found["/data/" + name] = contents(of: "\(bench.source)/\(name)")
    }
    return found
  }

  private func fill(_ size: Size) throws {
    mkdir(bench.source + "/few", 0o755)
    let text = (0..<60).flatMap { Array("line \($0) of a text that compresses\n".utf8) }
    try bench.write("text", text)
    try bench.write("few/small", Array("varve\n".utf8))
    try bench.write("few/empty", [])
    try bench.write("few/noise", noise(size == .small ? 5_000 : 12_000, seed: 7))
    symlink("text", bench.source + "/link")
    link(bench.source + "/few/small", bench.source + "/few/linked")
    if size == .whole {
      try bench.write("long", noise(200_000, seed: 8))
      for number in 0..<40 {
        try bench.write("f\(number)", noise(1_500, seed: UInt64(number) + 20))
      }
    }
    snapshots.append(try backUp())
    try bench.write("text", text + Array("one more line\n".utf8))
    snapshots.append(try backUp())
    try addWithInventory()
    guard size == .whole else { return }
    for round in 0..<140 {
      _ = try bench.unlocked.log.append { _ in
        (0..<2).map { number in
          .check(
            LogStatement.CheckResult(
              isDamaged: false, scope: "structure", counts: ["round": Int64(2 * round + number)],
              damaged: [], started: Timestamp(seconds: 0)))
        }
      }
    }
  }

  private func backUp() throws -> Digest {
    let report = try bench.backUp { $0.workers = 1 }
    files.append(sourceFiles())
    return try #require(report.snapshot)
  }

  /// A snapshot whose entry names its objects in an inventory, however few they are.
  private func addWithInventory() throws {
    let unlocked = bench.unlocked
    var record = try unlocked.snapshotRecord(snapshots[0])
    record.tags = ["inventory"]
    let object = try unlocked.seal(record)
    let id = SHA256.digest(object)
    try object.withUnsafeBytes { try bench.storage.put(ObjectName.snapshot(id), $0) }
    let listed = try LiveObjects(unlocked.log.state, storage: bench.storage).sizes
    let inventory = Inventory(listed.map { ObjectReference(name: $0.key, size: $0.value) }).encode()
    let name = SHA256.digest(inventory)
    try inventory.withUnsafeBytes { try bench.storage.put(ObjectName.inventory(name), $0) }
    _ = try unlocked.log.append { _ in
      [
        .snapshot(
          LogStatement.SnapshotAddition(snapshot: id, additions: .inventory(name)))
      ]
    }
    snapshots.append(id)
    files.append(files[0])
  }

  /// All objects and their sizes, in order.
  func objects() throws -> [(name: String, count: Int)] {
    var found: [(name: String, count: Int)] = []
    try bench.storage.list("") { found.append(($0, Int($1))) }
    return found.sorted { $0.name < $1.name }
  }

  /// A client that has never seen the repository.
  func stranger() -> ClientDirectories {
    count += 1
    return ClientDirectories(cache: nil, state: "\(fresh.path)/\(count)")
  }

  func forget(_ client: ClientDirectories) {
    for directory in [client.state + "/" + bench.unlocked.config.id.hex, client.state] {
      for file in ["checkpoint", "log", "fold", "lock"] { unlink("\(directory)/\(file)") }
      rmdir(directory)
    }
  }

  func unlock(
    _ storage: any StorageBackend, _ client: ClientDirectories, keyFile: Int = 0
  ) throws -> UnlockedRepository {
    try Repository.open(storage: storage).unlock(
      .keyText(SecretBytes(copying: keyFiles[keyFile].text)), client: client)
  }

  /// The digest of everything in a snapshot, read from the root on: entries, chunks, link table.
  func read(_ id: Digest, _ unlocked: UnlockedRepository) throws -> Digest {
    let record = try unlocked.snapshotRecord(id)
    let reader = try IndexedRepository(unlocked).makeReader()
    let hash = SHA256Stream()
    func take(_ chunk: Digest) throws {
      try reader.withChunk(chunk) { hash.update($0) }
    }
    func directory(_ id: Digest) throws {
      var below: [Digest] = []
      var files: [FileContent] = []
      try DirectoryReader.forEachEntry(of: id, fetch: reader.chunk) { raw in
        hash.update(raw.body)
        switch try raw.decode().content {
        case .directory(let content): below.append(content.id)
        case .file(let file): files.append(file)
        case .link, .device, .none: break
        }
      }
      for file in files {
        try file.forEachChunk(from: reader) { try take($0.address) }
      }
      for id in below { try directory(id) }
    }
    try directory(record.tree.id)
    for chunk in record.links { try take(chunk) }
    return hash.finish()
  }
}
