import VarveFormat

/// A tree that is not walked but put together, entry by entry.
public struct AssembledTree: Sendable {
  let source: any TreeSource
}

/// What a tree is put together from.
protocol TreeSource: Sendable {
  /// What the snapshot's record gives as its paths.
  var paths: [[UInt8]] { get }
  /// Whether it can be done once more, should a prune have interfered.
  var isRepeatable: Bool { get }
  /// Stores everything and gives the root directory; counts files in the worker's tally, and reports what is left out
  /// to its session.
  func store(by worker: BackupWorker) throws -> NodeReference
}
