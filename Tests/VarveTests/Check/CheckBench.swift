import Glibc
import Synchronization
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// A repository with every kind of object, and ways to damage it.
final class CheckBench {
  let bench: BackupBench
  var storage: MemoryStorage { bench.storage }
  private(set) var snapshots: [Digest] = []
  /// Opens as fast as can be: there is no key derivation.
  private let keyFile: [UInt8]

  init() throws {
    bench = try BackupBench()
    keyFile = try bench.unlocked.addKeyFile(label: "unattended").text.withUnsafeBytes { Array($0) }
    mkdir(bench.source + "/few", 0o755)
    mkdir(bench.source + "/few/below", 0o755)
    for number in 0..<12 { try bench.write("f\(number)", noise(20_000, seed: UInt64(number + 1))) }
    try bench.write("few/long", noise(900_000, seed: 77))
    try bench.write("few/below/empty", [])
    try bench.write("few/below/text", Array("varve\n".utf8))
    link(bench.source + "/few/below/text", bench.source + "/few/linked")
    snapshots.append(try #require(try bench.backUp().snapshot))
    try bench.write("f0", noise(20_000, seed: 99))
    try bench.write("few/new", noise(50_000, seed: 100))
    snapshots.append(try #require(try bench.backUp().snapshot))
  }

  /// Names of all objects that the repository needs.
  func objects() throws -> [String] {
    var names: [String] = []
    try storage.list("") { name, _ in names.append(name) }
    return names.sorted()
  }

  func packs() throws -> [String] { try objects().filter { $0.hasPrefix(ObjectName.packPrefix) } }

  func change(_ name: String, _ change: (inout [UInt8]) -> Void) throws {
    var bytes = try storage.read(name)
    change(&bytes)
    try storage.put(name, bytes)
  }

  func unlock(_ repository: Repository, _ client: ClientDirectories) throws -> UnlockedRepository {
    try repository.unlock(.keyText(SecretBytes(copying: keyFile)), client: client)
  }

  /// - Parameter remembers: whether the client has seen the repository before.
  func check(
    _ readData: CheckOptions.ReadData = .all, remembers: Bool = true, records: Bool = false,
    storage other: (any StorageBackend)? = nil, observer: (any CheckObserver)? = nil,
    _ change: (inout CheckOptions) -> Void = { _ in }
  ) throws -> CheckReport {
    var options = CheckOptions(readData: readData)
    options.record = records
    change(&options)
    let fresh = TemporaryDirectory()
    let client =
      remembers ? bench.client : ClientDirectories(cache: nil, state: fresh.path + "/state")
    return try Check.run(
      storage: other ?? storage, client: client, options: options, observer: observer
    ) { try unlock($0, client) }
  }

  /// Where the first chunk of a file of the newest snapshot lies.
  func place(of path: String) throws -> ChunkLocation {
    guard case .file(let file) = try bench.entry(snapshots[snapshots.count - 1], path).content,
      case .chunks(let chunks) = file.form
    else { throw VarveError(.notFound, path) }
    let index = try IndexedRepository(bench.unlocked).index
    return try #require(index.locate(chunks[0].address))
  }
}

/// Remembers what it was told.
final class RecordingCheckObserver: CheckObserver {
  let progress = CheckProgress()
  private let told = Mutex<(stages: [CheckStage], damages: [CheckReport.Damage])>(([], []))

  var stages: [CheckStage] { told.withLock { $0.stages } }
  var damages: [CheckReport.Damage] { told.withLock { $0.damages } }

  func began(_ stage: CheckStage) { told.withLock { $0.stages.append(stage) } }
  func found(_ damage: CheckReport.Damage) { told.withLock { $0.damages.append(damage) } }
}

func text(_ paths: [[UInt8]]) -> [String] { paths.map { String(decoding: $0, as: UTF8.self) } }
