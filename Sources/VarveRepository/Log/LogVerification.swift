import Synchronization
public import VarveFormat
public import VarveProof
import VarveStorage

/// What `Log.verifyAll` found.
public struct LogVerification: Sendable {
  public struct Failure: Sendable {
    /// The object's name.
    public let name: String
    public let error: VarveError
  }

  /// The head up to which every entry is right.
  public let head: TreeHead
  public let commitCount: Int
  /// The size that the stored checkpoint signs; nil when there is none that can be believed.
  public let checkpointSize: UInt64?
  /// Tiles and bundles that were compared.
  public let tileCount: Int
  /// Objects of the log that are damaged or missing; a commit ends the verification of commits.
  public let failures: [Failure]
}

extension Log {
  /// Reads the whole log from storage and verifies everything: every entry of every commit, the
  /// checkpoint, each tile and bundle that is stored, and that it continues what this client has
  /// seen.
  ///
  /// Tiles that are missing are no failure, since they are derived.
  ///
  /// - Throws: `VarveError.Code.rollback` or `unauthorized`, and `io`; damage is reported, not
  ///   thrown. O(entries).
  public func verifyAll() throws -> LogVerification {
    try advancing.withLock { _ in
      var failures: [LogVerification.Failure] = []
      var checkpoint: Checkpoint?
      do {
        checkpoint = try readCheckpoint()
      } catch let error as VarveError where error.code == .damaged {
        failures.append(LogVerification.Failure(name: ObjectName.checkpoint, error: error))
      }
      let (fold, commitFailure) = try foldFromStorage()
      if let commitFailure { failures.append(commitFailure) }
      if commitFailure == nil {
        if let pin = try clientState.pin(), fold.tree.root(atSize: pin.size) != pin.root {
          throw clientState.rollback(pin, fold.head)
        }
        do {
          if let checkpoint { try verify(checkpoint, against: fold) }
        } catch let error as VarveError where error.code == .damaged || error.code == .missing {
          let name =
            error.code == .missing ? ObjectName.commit(fold.head.size) : ObjectName.checkpoint
          failures.append(LogVerification.Failure(name: name, error: error))
          checkpoint = nil
        }
      }
      let tiles = try verifyTiles(fold, isWhole: commitFailure == nil)
      return LogVerification(
        head: fold.head, commitCount: fold.commitStarts.count,
        checkpointSize: checkpoint?.head.size, tileCount: tiles.count,
        failures: failures + tiles.failures)
    }
  }

  private func foldFromStorage() throws -> (LogFold, LogVerification.Failure?) {
    var fold = LogFold(config: config, configDigest: configDigest)
    var commitCount = 0
    var name = ObjectName.commit(0)
    do {
      while let commit = try readIfPresent(name) {
        try fold.append(commit: commit)
        commitCount += 1
        name = ObjectName.commit(fold.head.size)
      }
      return (fold, nil)
    } catch let error as VarveError where error.code == .damaged {
      // The fold has part of a bad commit: again, up to the one before.
      fold = LogFold(config: config, configDigest: configDigest)
      for _ in 0..<commitCount {
        try fold.append(commit: storage.read(ObjectName.commit(fold.head.size)))
      }
      return (fold, LogVerification.Failure(name: name, error: error))
    }
  }

  /// Compares what is stored below `log/tile/` with what the commits imply.
  ///
  /// - Parameter isWhole: whether `fold` is the whole log; if not, later tiles are passed over.
  private func verifyTiles(
    _ fold: LogFold, isWhole: Bool
  ) throws -> (count: Int, failures: [LogVerification.Failure]) {
    var names: [String] = []
    try storage.list(ObjectName.tilePrefix) { name, _ in names.append(name) }
    var count = 0
    var failures: [LogVerification.Failure] = []
    for name in names.sorted() {
      guard let tile = Tile(path: String(name.dropFirst("log/".count))) else { continue }
      let reason: String
      if tile.isImplied(bySize: fold.head.size) {
        count += 1
        guard try storage.read(name) != bytes(of: tile, fold) else { continue }
        reason = "it is not what the commits imply"
      } else {
        guard isWhole else { continue }
        reason = "the log is not that long"
      }
      failures.append(
        LogVerification.Failure(
          name: name,
          error: VarveError(
            .damaged, "\(name) is damaged: \(reason)",
            hint: "remove it; tiles are derived from the commits")))
    }
    return (count, failures)
  }
}
