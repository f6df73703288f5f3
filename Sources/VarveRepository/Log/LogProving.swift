import Synchronization
import VarveFormat
public import VarveProof
import VarveStorage

extension Log {
  /// An entry, read from storage again: the one that was verified when the log was read.
  ///
  /// - Throws: `VarveError.Code.notFound` beyond the end; `damaged` and `missing`, naming the commit.
  public func entry(_ index: UInt64) throws -> LogEntry {
    var found: LogEntry?
    if index < head.size { try forEachEntry(in: index..<index + 1) { found = $0 } }
    guard let found else {
      throw VarveError(
        .notFound, "the log has no entry \(index)",
        hint: "it has \(head.size); see 'varve log show'")
    }
    return found
  }

  /// Shows an entry to be in the log, to whoever knows the log's key (C2SP tlog-proof).
  ///
  /// The checkpoint is of the newest head when the log key is unlocked, otherwise the stored one.
  /// - Parameter namesAuthor: whether the author's key is its `extra`, for whoever gets it with the entry and nothing else.
  /// - Throws: `VarveError.Code.notFound` for an entry that is not there, or not in the stored checkpoint; `damaged`.
  public func proof(ofEntry index: UInt64, namesAuthor: Bool = true) throws -> LogProof {
    let proof = try bareProof(ofEntry: index)
    guard namesAuthor else { return proof }
    guard let author = state.authors[try entry(index).statement.author] else {
      throw VarveError(.damaged, "the author of entry \(index) is not known")
    }
    return proof.with(extra: author.publicKey)
  }

  private func bareProof(ofEntry index: UInt64) throws -> LogProof {
    try advancing.withLock { _ in
      let fold = content.withLock { $0.fold }
      guard index < fold.tree.size else {
        throw VarveError(
          .notFound, "the log has no entry \(index)",
          hint: "it has \(fold.tree.size); see 'varve log show'")
      }
      let (note, size) = try checkpointNote(covering: index, fold)
      guard let path = fold.tree.inclusionProof(index: index, size: size) else {
        throw VarveError(.damaged, "\(ObjectName.checkpoint) is of another log")
      }
      return LogProof(index: index, path: path, checkpoint: note)
    }
  }

  /// A checkpoint that has entry `index`, and its size. Must be called with `advancing` held.
  private func checkpointNote(
    covering index: UInt64, _ fold: LogFold
  ) throws -> (SignedNote, UInt64) {
    if let signer = author?.checkpointSigner {
      return (
        try SignedNote(signer.sign(fold.head), ObjectName.checkpoint), fold.head.size
      )
    }
    if let checkpoint = try readCheckpoint(),
      let stored = try readIfPresent(ObjectName.checkpoint)
    {
      try verify(checkpoint, against: fold)
      if checkpoint.head.size > index {
        return (try SignedNote(stored, ObjectName.checkpoint), checkpoint.head.size)
      }
    }
    throw VarveError(
      .notFound, "no checkpoint in \(storage.location) has entry \(index), and no key to sign one",
      hint: "unlock the repository as an owner or writer")
  }
}
