// Reading a long log from a store that is far away, where each object costs a round trip:
//
//     entry bundles    256 entries an object, several objects at a time, up to the stored checkpoint; entries are
//                      put together again to the commits in which they were appended, by the sizes that they state
//     commits          the rest: what was read ahead (ReadAhead.swift); then the next one alone, unless the stored
//                      checkpoint has it; once there is one, several that might follow at a time
//
// Bundles are derived and count for nothing by themselves: what is taken from them is verified like commits, and where
// they are missing or wrong the commits are read instead.

import VarveFormat
import VarveProof
import VarveStorage

extension Log {
  /// Bundles that are fetched and held at a time: 64 of 150 KB usually.
  private static let batch: UInt64 = 64

  /// Takes over whole commits from bundles, as far as there are full ones.
  ///
  /// - Parameters:
  ///   - size: of the log when the stored checkpoint was written.
  ///   - commits: what was taken is added here.
  func readBundles(
    into fold: inout LogFold, upTo size: UInt64, _ commits: inout [[UInt8]]
  ) throws {
    let width = UInt64(Tile.fullWidth)
    guard storage.transfersAtOnce > 1, size > fold.tree.size + 2 * width else { return }
    var grouping = CommitGrouping(from: fold.tree.size)
    var first = fold.tree.size / width
    let end = size / width
    while first < end {
      let tiles = (first..<min(end, first + Self.batch)).map { Tile(.entries, index: $0) }
      let bundles = try ParallelWork.map(tiles, threads: storage.transfersAtOnce) { [storage] in
        try? storage.read("log/\($0.path)")
      }
      // A fold that refused a commit is of no use: what it was before the batch is.
      var next = fold
      var taken: [[UInt8]] = []
      guard
        bundles.count == tiles.count,
        (try? take(bundles, from: first * width, &grouping, into: &next, &taken)) != nil
      else { return }
      fold = next
      commits += taken
      first += UInt64(tiles.count)
    }
  }

  private func take(
    _ bundles: [[UInt8]?], from start: UInt64, _ grouping: inout CommitGrouping,
    into fold: inout LogFold, _ commits: inout [[UInt8]]
  ) throws {
    var index = start
    for bundle in bundles {
      guard let bundle else { throw VarveError(.missing, "a bundle of the log is not there") }
      for bytes in try EntryBundle.entries(of: bundle, "a bundle of the log") {
        let entry = try LogEntry(bytes, index: index, config: configDigest, "log entry \(index)")
        index += 1
        if let commit = grouping.add(bytes, index: entry.index, of: entry.statement.position.size) {
          let encoded = try EntryBundle.encode(commit)
          try fold.append(commit: encoded)
          commits.append(encoded)
        }
      }
    }
  }
}

/// Puts consecutive entries together to commits.
private struct CommitGrouping {
  /// The first entry that is wanted.
  private let start: UInt64
  private var base: UInt64?
  private var entries: [[UInt8]] = []

  init(from start: UInt64) { self.start = start }

  /// - Parameter size: of the log on which the entry's commit stands.
  /// - Returns: the commit before, which is complete now.
  mutating func add(_ entry: [UInt8], index: UInt64, of size: UInt64) -> [[UInt8]]? {
    guard index >= start else { return nil }
    guard base != size else {
      entries.append(entry)
      return nil
    }
    defer {
      base = size
      entries = [entry]
    }
    return entries.isEmpty ? nil : entries
  }
}

/// Reads commits one after another, ahead of who takes them where the store is far away.
struct CommitReader {
  static let limit = 16

  private let log: Log
  private let width: Int
  private let knownSize: UInt64
  private let ahead: ReadAhead?
  /// Whether there may well be none.
  private var isFirst: Bool
  /// Nil values: looked for, and not there.
  private var known: [UInt64: [UInt8]?] = [:]

  /// - Parameters:
  ///   - start: of the first commit that is asked for.
  ///   - known: the size up to which there have to be commits.
  ///   - ahead: what was asked for before that was known.
  init(_ log: Log, from start: UInt64, known size: UInt64, _ ahead: ReadAhead?) {
    self.log = log
    self.ahead = ahead
    knownSize = size
    isFirst = size <= start
    width = min(Self.limit, log.storage.transfersAtOnce)
  }

  /// The commit at `size`, or nil when there is none.
  mutating func commit(at size: UInt64) throws -> [UInt8]? {
    if let known = known.removeValue(forKey: size) { return known }
    switch ahead?.take(ObjectName.commit(size)) {
    case .found(let commit):
      isFirst = false
      return commit
    case .missing where size >= knownSize: return nil
    case .missing, nil: break
    }
    guard width > 1, !isFirst else {
      isFirst = false
      return try log.readIfPresent(ObjectName.commit(size))
    }
    let sizes = (size..<size + UInt64(width)).filter { $0 <= ObjectName.commitLimit }
    let commits = try ParallelWork.map(sizes, threads: width) { [log] in
      (size: $0, commit: try log.readIfPresent(ObjectName.commit($0)))
    }
    known = Dictionary(uniqueKeysWithValues: commits.map { ($0.size, $0.commit) })
    return known.removeValue(forKey: size) ?? nil
  }
}
