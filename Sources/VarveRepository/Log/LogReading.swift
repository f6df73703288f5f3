import Synchronization
import VarveFormat
import VarveProof
import VarveStorage

extension Log {
  /// Calls `body` with each entry of `range`, in order. Entries are read from storage again; each
  /// must be the one that was verified when the log was read.
  ///
  /// - Throws: `VarveError.Code.damaged` or `missing` naming the commit, or what `body` throws.
  public func forEachEntry(
    in range: Range<UInt64>? = nil, _ body: (LogEntry) throws -> Void
  ) throws {
    let fold = content.withLock { $0.fold }
    let range = (range ?? 0..<fold.head.size).clamped(to: 0..<fold.head.size)
    try forEachEntryBytes(in: range, fold) { index, bytes in
      try body(
        LogEntry(
          bytes, index: index, config: configDigest,
          ObjectName.commit(fold.commitStart(ofEntry: index))))
    }
  }

  /// Where the commits begin that are known, ascending.
  var commitStarts: [UInt64] { content.withLock { $0.fold.commitStarts } }

  /// `range` must lie within the log.
  func forEachEntryBytes(
    in range: Range<UInt64>, _ fold: LogFold, _ body: (UInt64, [UInt8]) throws -> Void
  ) throws {
    var index = range.lowerBound
    while index < range.upperBound {
      let start = fold.commitStart(ofEntry: index)
      let name = ObjectName.commit(start)
      let entries = try EntryBundle.entries(
        of: try storage.read(name), limit: LogEntry.commitLimit, name)
      guard index - start < UInt64(entries.count) else {
        throw VarveError(.damaged, "\(name) is damaged: it is shorter than it was")
      }
      for entry in entries[Int(index - start)...] where index < range.upperBound {
        guard MerkleHash.leaf(entry) == fold.tree.leafHash(index) else {
          throw VarveError(.damaged, "\(name) is damaged: it is not what it was")
        }
        try body(index, entry)
        index += 1
      }
    }
  }

  /// The content of a tile or bundle of the log.
  func bytes(of tile: Tile, _ fold: LogFold) throws -> [UInt8] {
    switch tile.kind {
    case .hashes:
      guard let hashes = fold.tree.hashes(of: tile) else {
        throw VarveError(.usage, "the log has no \(tile.path)")
      }
      return Tile.bytes(of: hashes)
    case .entries:
      let start = tile.index * UInt64(Tile.fullWidth)
      var entries: [[UInt8]] = []
      try forEachEntryBytes(in: start..<start + UInt64(tile.width), fold) { entries.append($1) }
      return try EntryBundle.encode(entries)
    }
  }
}
