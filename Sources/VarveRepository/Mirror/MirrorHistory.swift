internal import Synchronization
internal import VarveFormat
internal import VarveProof
internal import VarveStorage

/// The target's log beside the source's.
///
/// Each commit that the target lists must be one of the source's. Each entry signs the tree before it, so when the newest commit
/// is equal, those before it can be damaged but not others. That holds up to the target's checkpoint, which is written when all is
/// there; of commits beyond it, which an interrupted run may have left with gaps between them, each is compared.
struct MirrorHistory {
  /// The sizes at which the source has commits that the target has not, ascending.
  private(set) var missing: [UInt64] = []
  /// Those at which the target has bytes that are nobody's.
  private(set) var damaged: [UInt64] = []
  /// Whether the target's log goes on where the source's ends.
  private(set) var isAhead = false
  private(set) var verifiedByteCount: UInt64 = 0
  private let location: String
  private let head: TreeHead

  /// - Throws: `.rollback` when the target's log is another history; `.damaged` for a commit that is nobody's where the source
  ///   has none; what reading and listing throw.
  init(_ mirror: Mirror, _ fold: LogFold) throws {
    location = mirror.target.location
    head = fold.head
    var found: [UInt64] = []
    try mirror.target.list(ObjectName.commitPrefix) { name, _ in
      if case .commit(let size) = ObjectClass(name) { found.append(size) }
    }
    found.sort()
    isAhead = found.last.map { $0 >= head.size } ?? false
    let own = found.filter { $0 < head.size }
    missing = Self.difference(fold.commitStarts, own)
    for start in Self.difference(own, fold.commitStarts) {
      try requireNothing(at: start, mirror, fold)
    }
    let common = own.filter(fold.hasCommit)
    let complete = try completeSize(mirror, fold)
    let suspects =
      mirror.options.readsData
      ? common : common.filter { $0 >= complete || $0 == common.last }
    try compare(suspects, mirror, fold)
  }

  /// The elements of `a` that are not in `b`; both ascend.
  private static func difference(_ a: [UInt64], _ b: [UInt64]) -> [UInt64] {
    var rest = b[...]
    return a.filter { element in
      rest = rest.drop { $0 < element }
      return rest.first != element
    }
  }

  /// The size up to which the target's log was known to be complete when its checkpoint was written.
  private mutating func completeSize(_ mirror: Mirror, _ fold: LogFold) throws -> UInt64 {
    let bytes: [UInt8]
    do {
      bytes = try mirror.target.read(ObjectName.checkpoint)
    } catch {
      _ = try CheckSession.kind(of: error)
      return 0
    }
    guard let signed = mirror.source.head(ofCheckpoint: bytes) else { return 0 }
    if signed.size > head.size {
      isAhead = true
      return 0
    }
    guard fold.tree.root(atSize: signed.size) == signed.root else {
      throw anotherHistory("\(ObjectName.checkpoint) there signs other entries")
    }
    return signed.size
  }

  private mutating func compare(
    _ starts: [UInt64], _ mirror: Mirror, _ fold: LogFold
  ) throws {
    let results = Mutex((damaged: [UInt64](), missing: [UInt64](), foreign: [UInt64](), bytes: 0))
    try ParallelWork.forEach(
      starts.count, threads: mirror.options.requests, mirror.cancellation
    ) { number in
      let start = starts[number]
      let name = ObjectName.commit(start)
      do {
        let bytes = try mirror.target.read(name)
        let comparison = fold.compare(commit: bytes, at: start)
        results.withLock {
          switch comparison {
          case .equal: $0.bytes += bytes.count
          case .foreign: $0.foreign.append(start)
          case .damaged: $0.damaged.append(start)
          }
        }
      } catch let error as VarveError where error.code == .missing {
        results.withLock { $0.missing.append(start) }
      } catch {
        // An unreadable sector is damage, too.
        _ = try CheckSession.kind(of: error)
        results.withLock { $0.damaged.append(start) }
      }
    }
    let found = results.withLock { $0 }
    if let first = found.foreign.min() {
      throw anotherHistory("\(ObjectName.commit(first)) there is another one")
    }
    missing = (missing + found.missing).sorted()
    damaged = found.damaged.sorted()
    verifiedByteCount = UInt64(found.bytes)
  }

  private func requireNothing(
    at start: UInt64, _ mirror: Mirror, _ fold: LogFold
  ) throws {
    let name = ObjectName.commit(start)
    guard case .foreign = fold.compare(commit: try mirror.target.read(name), at: start) else {
      throw VarveError(
        .damaged, "\(name) in \(location) is damaged, and no commit of the source begins there",
        hint: "remove it and run the command again")
    }
    throw anotherHistory("\(name) there is another one")
  }

  private func anotherHistory(_ what: String) -> VarveError {
    VarveError(
      .rollback, "the log at \(location) is another history than the source's: \(what)",
      hint:
        "somebody has written to both since they were equal, or one was put back to an older state. Find out which "
        + "is right; to give up what was written at the target only, remove its \(ObjectName.checkpoint) and its commits "
        + "from there on, or mirror to another place")
  }

  /// The error for a target that is ahead.
  var ahead: VarveError {
    VarveError(
      .refused,
      "the target at \(location) is ahead of the source, whose log ends at \(head.size) entries",
      hint: "mirror the other way, so that the source has what was written at the target")
  }
}
