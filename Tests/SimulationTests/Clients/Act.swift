import Synchronization
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// Something that a client does: one command, with a fresh process's knowledge.
enum Act: Equatable {
  case backup(host: Int, version: Int)
  /// Interrupted after so many items, when it saves what it has.
  case interruptedBackup(host: Int, version: Int, items: Int)
  /// Forgets the live snapshot with this number, modulo their count.
  case forget(Int)
  /// Keeps the last of each host.
  case forgetOld
  case prune(grace: Int64, repackSmall: Bool)
  /// Brings back the forgotten snapshot with this number.
  case undo(Int)
  /// Reads all of the live snapshot with this number.
  case restore(Int)
  case tag(Int)

  static func random(_ random: inout SeededGenerator) -> Act {
    let number = Int.random(in: 0..<8, using: &random)
    let host = Int.random(in: 0..<World.hosts.count, using: &random)
    let version = Int.random(in: 0..<World.versionCount, using: &random)
    switch Int.random(in: 0..<20, using: &random) {
    case 0..<7: return .backup(host: host, version: version)
    case 7:
      return .interruptedBackup(
        host: host, version: version, items: Int.random(in: 1...4, using: &random))
    case 8..<10: return .forget(number)
    case 10: return .forgetOld
    case 11..<16:
      return .prune(
        grace: Int.random(in: 0..<4, using: &random) == 0 ? 3600 : 0,
        repackSmall: Bool.random(using: &random))
    case 16..<18: return .undo(number)
    case 18: return .restore(number)
    default: return .tag(number)
    }
  }

  var isForWriters: Bool {
    switch self {
    case .backup, .interruptedBackup: true
    default: false
    }
  }
}

/// One client of a run: who it is and what it does, one act after another.
struct ClientPlan {
  enum Key: Equatable {
    case owner
    case writer(Int)
  }

  var key: Key
  var acts: [Act]
  /// Whether it keeps a cache from one act to the next.
  var keepsCache = false
  /// Whether it has seen the repository before.
  var knowsPast = true
  /// Seconds that its clock is ahead.
  var dateShift: Int64 = 0
}

/// What came of an act.
struct ActOutcome {
  var act: Act
  /// Nil when it succeeded.
  var failure: VarveError?
  /// Whether a fault was among the answers it got.
  var metFault: Bool
}

/// Does a client's acts with the program's own code.
struct ActRunner {
  let world: World
  let plan: ClientPlan
  let storage: any StorageBackend
  let directories: ClientDirectories
  let clock: ClockShift

  func run(_ act: Act, acknowledge: (Digest) -> Void) throws {
    try ClockShift.$current.withValue(clock) {
      try run(act, open(), acknowledge)
    }
  }

  private func open() throws -> UnlockedRepository {
    let key =
      switch plan.key {
      case .owner: world.ownerKey
      case .writer(let number): world.writerKeys[number]
      }
    return try Repository.open(storage: storage).unlock(
      .keyText(SecretBytes(copying: key)), client: directories)
  }

  private func run(
    _ act: Act, _ unlocked: UnlockedRepository, _ acknowledge: (Digest) -> Void
  ) throws {
    func choose(_ snapshots: [Digest], _ number: Int) -> Digest? {
      snapshots.isEmpty ? nil : snapshots[number % snapshots.count]
    }
    let live = unlocked.log.state.snapshotsInOrder.map(\.id)
    switch act {
    case .backup(let host, let version):
      let report = try Backup.run(
        try IndexedRepository(unlocked), options: world.backup(host: host, version: version))
      if let snapshot = report.snapshot { acknowledge(snapshot) }
    case .interruptedBackup(let host, let version, let items):
      let flag = CancellationFlag()
      var options = world.backup(host: host, version: version)
      options.partialInterval = 3_600_000_000_000
      do {
        let report = try Backup.run(
          try IndexedRepository(unlocked), options: options,
          observer: InterruptingObserver(after: items, flag, clock), cancellation: flag)
        if let snapshot = report.snapshot { acknowledge(snapshot) }
      } catch let error as VarveError where error.code == .interrupted {}
    case .forget(let number):
      guard let snapshot = choose(live, number) else { return }
      _ = try Forget(unlocked).run(ForgetRequest(.snapshots([snapshot])))
    case .forgetOld:
      // Newest first, so that each host keeps its newest one.
      let keep = Set(live.suffix(World.hosts.count))
      let old = live.filter { !keep.contains($0) }
      guard !old.isEmpty else { return }
      _ = try Forget(unlocked).run(ForgetRequest(.snapshots(old)))
    case .prune(let grace, let repackSmall):
      var options = PruneOptions()
      options.grace = grace
      options.repackSmall = repackSmall
      options.maxUnused = .bytes(0)
      options.workers = 1
      _ = try Prune(unlocked, options: options).run()
    case .undo(let number):
      let candidates = try Undo.candidates(unlocked).map(\.snapshot.id)
      guard let snapshot = choose(candidates, number) else { return }
      _ = try Undo(unlocked, workers: 1).run([snapshot])
    case .restore(let number):
      guard let snapshot = choose(live, number) else { return }
      try read(snapshot, try IndexedRepository(unlocked))
    case .tag(let number):
      guard let snapshot = choose(live, number) else { return }
      _ = try TagChange(.edit(add: ["t\(number)"], remove: [])).run(on: [snapshot], in: unlocked)
    }
  }

  /// Every chunk of a snapshot, as a restore reads it.
  private func read(_ id: Digest, _ repository: IndexedRepository) throws {
    let record = try repository.unlocked.snapshotRecord(id)
    let reader = try repository.makeReader()
    func walk(_ directory: DirectoryContent) throws {
      try DirectoryReader.forEachEntry(of: directory.id, fetch: reader.chunk) { raw in
        switch try raw.decode().content {
        case .directory(let content): try walk(content)
        case .file(let file):
          try file.forEachChunk(from: reader) { _ = try reader.chunk($0.address) }
        default: break
        }
      }
    }
    try walk(record.rootDirectory)
  }
}

/// Interrupts a backup after some items, as if it had gone on for an hour.
private final class InterruptingObserver: BackupObserver {
  let progress = BackupProgress()
  let wantsItems = true
  private let limit: Int
  private let flag: CancellationFlag
  private let clock: ClockShift
  private let items = Atomic<Int>(0)

  init(after limit: Int, _ flag: CancellationFlag, _ clock: ClockShift) {
    self.limit = limit
    self.flag = flag
    self.clock = clock
  }

  func failed(_ problem: SourceProblem) {}
  func scanFinished(duration nanoseconds: UInt64) {}

  func finished(_ item: BackupItem) {
    guard items.add(1, ordering: .relaxed).newValue == limit else { return }
    clock.elapsed.add(7_200_000_000_000, ordering: .relaxed)
    flag.cancel()
  }
}
