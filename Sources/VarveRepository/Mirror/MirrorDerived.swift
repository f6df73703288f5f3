internal import Synchronization
internal import VarveFormat
internal import VarveProof
internal import VarveStorage

/// Brings to the target what the commits imply: full tiles, and the newest checkpoint, which only the log key can make.
struct MirrorDerived {
  private let mirror: Mirror
  private let fold: LogFold

  init(_ mirror: Mirror, _ fold: LogFold) {
    self.mirror = mirror
    self.fold = fold
  }

  /// - Parameter checkpoint: the source's, read before its log was.
  /// - Throws: what is no failure to write or read a single one of them; that is reported.
  func run(checkpoint: [UInt8]?, _ report: inout MirrorReport) throws {
    guard !mirror.options.dryRun else { return }
    do {
      report.objectsReplaced += try writeTiles()
      if let checkpoint { try write(checkpoint) }
    } catch let error as VarveError
      where [.io, .forbidden, .damaged, .missing].contains(error.code)
    {
      report.derivedFailure = error
    }
  }

  /// - Returns: how many were damaged.
  private func writeTiles() throws -> UInt64 {
    var present: Set<String> = []
    try mirror.target.list(ObjectName.tilePrefix) { name, _ in present.insert(name) }
    let (mirror, fold) = (mirror, fold)
    let tiles = Tile.completed(from: 0, to: fold.head.size).map { tile in
      let name = "log/\(tile.path)"
      return (tile: tile, name: name, isPresent: present.contains(name))
    }.filter { !$0.isPresent || mirror.options.readsData }
    let damaged = Atomic<UInt64>(0)
    try ParallelWork.forEach(
      tiles.count, threads: mirror.options.requests, mirror.cancellation
    ) { number in
      let (tile, name, isPresent) = tiles[number]
      let bytes = try mirror.source.bytes(of: tile, fold)
      if isPresent {
        guard (try? mirror.target.read(name)) != bytes else { return }
        damaged.add(1, ordering: .relaxed)
      }
      try mirror.target.put(name, bytes)
    }
    return damaged.load(ordering: .relaxed)
  }

  /// Stores the checkpoint unless the target has a newer one, or this one is not of this log.
  private func write(_ checkpoint: [UInt8]) throws {
    guard let head = verified(checkpoint) else { return }
    if let stored = try? mirror.target.read(ObjectName.checkpoint),
      let known = verified(stored), known.size >= head.size
    {
      return
    }
    try mirror.target.put(ObjectName.checkpoint, checkpoint)
  }

  private func verified(_ checkpoint: [UInt8]) -> TreeHead? {
    guard let head = mirror.source.head(ofCheckpoint: checkpoint),
      fold.tree.root(atSize: head.size) == head.root
    else { return nil }
    return head
  }
}
