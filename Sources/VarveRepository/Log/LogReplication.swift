import Synchronization
import VarveCrypto
import VarveFormat
import VarveProof
import VarveStorage

/// How the commit that is stored in a place of a log compares with the one that belongs there.
enum CommitComparison {
  case equal
  /// Somebody whom the log knows has signed it for that place: another history.
  case foreign
  /// It is nobody's.
  case damaged
}

extension LogFold {
  /// The entries of the commit that was appended at size `start`, which must be one of `commitStarts`.
  func entries(ofCommit start: UInt64) -> Range<UInt64> {
    var low = 0
    var high = commitStarts.count
    while low < high {
      let middle = (low + high) / 2
      if commitStarts[middle] <= start { low = middle + 1 } else { high = middle }
    }
    return start..<(low < commitStarts.count ? commitStarts[low] : tree.size)
  }

  /// Compares bytes with the commit that was appended at size `start`, or with none when `start` is not one of
  /// `commitStarts`. Bytes and entries decide each other, so equal leaves make equal commits.
  func compare(commit bytes: [UInt8], at start: UInt64) -> CommitComparison {
    let name = ObjectName.commit(start)
    guard
      let entries = try? EntryBundle.entries(of: bytes, limit: LogEntry.commitLimit, name)
    else { return .damaged }
    let own = hasCommit(at: start) ? self.entries(ofCommit: start) : start..<start
    var isEqual = entries.count == own.count && !entries.isEmpty
    for (offset, entry) in entries.enumerated() {
      let index = start + UInt64(offset)
      if own.contains(index), MerkleHash.leaf(entry) == tree.leafHash(index) { continue }
      isEqual = false
      // The log's own entries in a wrong place are damage; what was signed for this place is another history.
      guard let parsed = try? LogEntry(entry, index: index, config: config, name),
        parsed.statement.position.index == index,
        let author = state.authors[parsed.statement.author],
        parsed.envelope.isSigned(by: author.publicKey)
      else { continue }
      return .foreign
    }
    return isEqual ? .equal : .damaged
  }

  func hasCommit(at start: UInt64) -> Bool {
    start < tree.size && commitStart(ofEntry: start) == start
  }
}

/// What somebody needs who stores the log elsewhere as it is.
extension Log {
  /// The log as of the newest commit read: everything that follows from it agrees with it.
  var fold: LogFold { content.withLock { $0.fold } }

  /// The bytes of `config`, read again.
  ///
  /// - Throws: `.missing` or `.damaged`.
  func configBytes() throws -> [UInt8] {
    let bytes = try storage.read(ObjectName.config)
    guard SHA256.digest(bytes) == configDigest else {
      throw VarveError(.damaged, "\(ObjectName.config) in \(storage.location) is not what it was")
    }
    return bytes
  }

  /// The bytes of a commit, read again; each entry is the one that was verified.
  ///
  /// - Parameter start: one of `fold.commitStarts`.
  /// - Throws: `.missing` or `.damaged` naming the commit.
  func bytes(ofCommit start: UInt64, _ fold: LogFold) throws -> [UInt8] {
    var entries: [[UInt8]] = []
    try forEachEntryBytes(in: fold.entries(ofCommit: start), fold) { entries.append($1) }
    return try EntryBundle.encode(entries)
  }

  /// What a checkpoint signs, if it is one of this log and agrees with `fold` as far as that goes.
  func head(ofCheckpoint bytes: [UInt8]) -> TreeHead? {
    (try? Checkpoint(
      note: bytes, signedBy: verifierKey, origin: config.origin, ObjectName.checkpoint))?.head
  }
}
