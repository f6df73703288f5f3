import Glibc
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// What every run begins with: sources on disk, which never change, and a small repository with a past.
///
/// Files are a few hundred bytes and shared between the versions of a source as hard links, so that backups of another
/// version find chunks stored, partly in packs of which nothing else is needed.
final class World: @unchecked Sendable {
  static let versionCount = 5
  /// The files of each version, by their numbers; those in a directory of their own after the bar.
  private static let layout: [(top: [Int], below: [Int])] = [
    ([0, 1], [2]), ([1], [2, 3]), ([0], [4]), ([5, 6], []), ([0, 1, 5], [3, 4]),
  ]
  static let hosts = ["alpha", "beta"]
  static let sourceName = "/data"

  let directory: TemporaryDirectory
  /// Bytes by path, of each version.
  let contents: [[String: [UInt8]]]
  /// A repository, and what a client that has seen it remembers, by paths below its state.
  struct Past {
    let objects: [String: SimulatedObject]
    let memory: [String: [UInt8]]
  }

  /// Some objects need pruning; in the second some are condemned, too.
  private(set) var pasts: [Past] = []
  private(set) var ownerKey: [UInt8] = []
  private(set) var writerKeys: [[UInt8]] = []
  /// What the oracle has judged already.
  private(set) var judged = Judged()

  init() throws {
    let memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil
    directory = TemporaryDirectory("varve-simulation", in: memory)
    var contents: [[String: [UInt8]]] = []
    let files = (0..<7).map { number in
      var random = SeededGenerator(seed: UInt64(number + 1))
      return random.bytes(300 + 100 * number)
    }
    mkdir(directory("files"), 0o755)
    for (number, bytes) in files.enumerated() {
      try Self.write(bytes, to: directory("files/\(number)"))
    }
    for (version, layout) in Self.layout.enumerated() {
      let top = directory("version\(version)")
      mkdir(top, 0o755)
      mkdir(top + "/below", 0o755)
      var content: [String: [UInt8]] = [:]
      for (path, numbers) in [("", layout.top), ("below/", layout.below)] {
        for number in numbers {
          guard link(directory("files/\(number)"), "\(top)/\(path)\(number)") == 0 else {
            throw VarveError(.io, "cannot link a file")
          }
          content["data/\(path)\(number)"] = files[number]
        }
      }
      contents.append(content)
    }
    self.contents = contents
    // A ctime cannot be set, and the change cache trusts none that is as young as the backup.
    usleep(40_000)
    try makePasts()
  }

  private static func write(_ bytes: [UInt8], to path: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard file >= 0 else { throw VarveError(.io, "cannot create \(path)") }
    defer { close(file) }
    guard Glibc.write(file, bytes, bytes.count) == bytes.count else {
      throw VarveError(.io, "cannot write \(path)")
    }
  }

  private static func read(_ path: String) throws -> [UInt8] {
    let file = open(path, O_RDONLY)
    guard file >= 0 else { throw VarveError(.io, "cannot open \(path)") }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: Int(lseek(file, 0, SEEK_END)))
    guard pread(file, &bytes, bytes.count, 0) == bytes.count else {
      throw VarveError(.io, "cannot read \(path)")
    }
    return bytes
  }

  /// Makes a client's state that of one who has seen the past.
  static func remember(_ past: Past, in state: String) throws {
    mkdir(state, 0o700)
    for (name, bytes) in past.memory {
      mkdir(state + "/" + name.prefix { $0 != "/" }, 0o700)
      try write(bytes, to: state + "/" + name)
    }
  }

  private func makePasts() throws {
    let store = SimulatedStore()
    let storage = SimulatedStorage(OpenGate(store), client: -1)
    let client = ClientDirectories(cache: nil, state: directory("past"))
    var options = InitOptions(passwordCost: .least)
    options.chunkSizes = try RepositoryConfig.ChunkSizes(
      min: 4 << 10, target: 1 << 10, max: 8 << 10)
    options.packSize = RepositoryConfig.packSizes.lowerBound
    let unlocked = try Repository.initialize(
      storage: storage, secret: .password(SecretBytes(copying: Array("password".utf8))),
      options: options, client: client)
    ownerKey = try unlocked.addKeyFile(role: .owner).text.withUnsafeBytes { Array($0) }
    for _ in 0..<2 {
      writerKeys.append(
        try unlocked.addKeyFile(role: .writer).text.withUnsafeBytes { Array($0) })
    }
    var snapshots: [Digest] = []
    for (host, version) in [(0, 0), (0, 1), (1, 3)] {
      let report = try Backup.run(
        try IndexedRepository(unlocked), options: backup(host: host, version: version))
      guard let snapshot = report.snapshot else { throw VarveError(.io, "no snapshot") }
      snapshots.append(snapshot)
    }
    _ = try Forget(unlocked).run(ForgetRequest(.snapshots([snapshots[0], snapshots[2]])))
    let memory = "past/\(unlocked.config.id.hex)"
    func keepPast() throws {
      let files = try ["checkpoint", "log"].map { name in
        ("\(unlocked.config.id.hex)/\(name)", try Self.read(directory("\(memory)/\(name)")))
      }
      pasts.append(
        Past(objects: store.objects, memory: Dictionary(uniqueKeysWithValues: files)))
    }
    try keepPast()
    var prune = PruneOptions()
    prune.maxUnused = .bytes(0)
    prune.workers = 1
    _ = try Prune(unlocked, options: prune).run()
    try keepPast()
    for past in pasts {
      let oracle = try Oracle(SimulatedStore(past.objects), in: self, state: directory("judge"))
      try oracle.judge()
      judged.merge(oracle.judged)
    }
  }

  /// The options of a backup of a version.
  func backup(host: Int, version: Int) -> BackupOptions {
    var options = BackupOptions(source: .paths([Array(directory("version\(version)").utf8)]))
    options.asPath = Array(Self.sourceName.utf8)
    options.host = Array(Self.hosts[host].utf8)
    options.meta = ["version": "\(version)"]
    options.workers = 1
    options.partialInterval = 0
    return options
  }
}
