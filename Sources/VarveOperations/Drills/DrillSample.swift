// Which files a drill restores. A challenge, 32 bytes that were not known when the snapshots were made, gives each file
// a rank:
//
//     rank := HMAC-SHA256(challenge, snapshot's id ‖ path)      the path as in the snapshot, with its leading slash
//
// A sample of n files has the n of the lowest ranks, over all snapshots of the drill; a sample of p hundredths those
// whose rank's first 8 bytes, a big-endian number, are below p/100 · 2^64, and at least the file of the lowest rank.
// Whoever can list the snapshots can compute that again. Nobody who made them could know it.

internal import VarveCrypto
package import VarveFormat

/// Chooses files by a challenge, in one pass over all of them.
package struct DrillSample {
  private struct Candidate {
    let rank: Digest
    let snapshot: Digest
    let path: [UInt8]
  }

  private let rule: Drill.Sample
  private let key: HMACSHA256
  private var chosen: [Candidate] = []
  private var lowest: Candidate?
  /// All files that were offered.
  package private(set) var total: Int64 = 0

  package init(_ rule: Drill.Sample, challenge: Digest) {
    self.rule = rule
    key = HMACSHA256(key: challenge)
  }

  package mutating func offer(_ path: [UInt8], of snapshot: Digest) {
    total += 1
    if case .all = rule { return }
    let rank = key.authenticate(snapshot.bytes + path)
    let candidate = Candidate(rank: rank, snapshot: snapshot, path: path)
    switch rule {
    case .all: break
    case .files(let count):
      chosen.append(candidate)
      if chosen.count / 2 > max(1024, count) { trim(to: count) }
    case .percent(let percent):
      if lowest.map({ rank < $0.rank }) ?? true { lowest = candidate }
      if Double(rank.prefix64) < percent / 100 * 0x1p64 { chosen.append(candidate) }
    }
  }

  private mutating func trim(to count: Int) {
    chosen.sort { $0.rank < $1.rank }
    chosen.removeLast(max(0, chosen.count - max(1, count)))
  }

  /// The paths chosen of each snapshot; nil when all are.
  package mutating func files() -> [Digest: Set<[UInt8]>]? {
    switch rule {
    case .all: return nil
    case .files(let count): trim(to: count)
    case .percent: if chosen.isEmpty, let lowest { chosen = [lowest] }
    }
    var files: [Digest: Set<[UInt8]>] = [:]
    for candidate in chosen { files[candidate.snapshot, default: []].insert(candidate.path) }
    return files
  }
}

extension Drill.Sample {
  /// In the program's own words, for receipts.
  package var text: String {
    switch self {
    case .all: "all files"
    case .files(let count): "a sample of \(HumanText.count(count, "file"))"
    case .percent(let percent): "a sample of \(HumanText.fixed(percent, 2))% of the files"
    }
  }
}
