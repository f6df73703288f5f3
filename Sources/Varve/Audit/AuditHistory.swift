internal import VarveFormat
internal import VarveRepository

/// What an audit keeps of the entries that it has verified: enough to judge them once all are known.
///
/// 32 bytes an entry, 120 and its place in a table for each snapshot, 40 for each further act: a log of 10^5 entries
/// takes some 25 MB. Ids of sources and lists of tags are kept once.
struct AuditHistory {
  struct Entry {
    /// What the author's clock said.
    let time: Int64
    /// The size of the log on which its commit stands.
    let base: UInt64
    let author: Int32
    /// The place of its kind in `kinds`.
    let kind: UInt8
  }

  struct Snapshot {
    let id: Digest
    let entry: UInt64
    /// When it was taken, by its record; nil in entries from before they said so.
    let taken: Timestamp?
    let tree: Digest?
    let original: Digest?
    /// The place of its source; nil in entries from before there were any.
    let source: Int32?
    /// The place of its list of tags.
    let tags: Int32
    let isPartial: Bool
  }

  /// What an entry does that has to be judged, or counted.
  enum Act {
    /// The place of a snapshot.
    case add(Int32)
    /// The places of snapshots.
    case forget([Int32])
    /// Snapshots that are live again.
    case restore([Int32])
    case policy(LogStatement.PolicyChange)
    case hold([Int32], LogStatement.Hold.Term)
    case release([Int32])
    case check(scope: String, isDamaged: Bool)
    case condemn
    case sweep([UInt64])
    case receipt(activity: String, isDone: Bool)
    case drillStart
    /// The entry of its start.
    case drill(UInt64?, isDone: Bool)
  }

  private(set) var entries: [Entry] = []
  private(set) var kinds: [String] = []
  private(set) var authors: [KeyID] = []
  private(set) var snapshots: [Snapshot] = []
  private(set) var sources: [Digest] = []
  private(set) var tagLists: [[Digest]] = []
  private(set) var acts: [(entry: UInt64, act: Act)] = []

  private var placesOfAuthors: [KeyID: Int32] = [:]
  private var placesOfSnapshots: [Digest: Int32] = [:]
  private var placesOfSources: [Digest: Int32] = [:]
  private var placesOfTags: [[Digest]: Int32] = [:]

  /// Takes in an entry that has been verified.
  mutating func add(_ entry: LogEntry) {
    let statement = entry.statement
    entries.append(
      Entry(
        time: statement.time.seconds, base: statement.position.size,
        author: Self.place(of: statement.author, in: &authors, &placesOfAuthors),
        kind: kind(statement.body.kind)))
    guard let act = act(statement.body, entry.index) else { return }
    acts.append((entry.index, act))
  }

  private mutating func kind(_ name: String) -> UInt8 {
    if let place = kinds.firstIndex(of: name) { return UInt8(truncatingIfNeeded: place) }
    kinds.append(name)
    return UInt8(truncatingIfNeeded: kinds.count - 1)
  }

  private mutating func act(_ body: LogStatement.Body, _ entry: UInt64) -> Act? {
    switch body {
    case .snapshot(let addition):
      let place = Int32(snapshots.count)
      placesOfSnapshots[addition.snapshot] = place
      snapshots.append(
        Snapshot(
          id: addition.snapshot, entry: entry, taken: addition.taken, tree: addition.tree,
          original: addition.original,
          source: addition.source.map { Self.place(of: $0, in: &sources, &placesOfSources) },
          tags: Self.place(of: addition.tags, in: &tagLists, &placesOfTags),
          isPartial: addition.isPartial))
      return .add(place)
    case .forget(let forgetting): return .forget(places(forgetting.snapshots))
    case .undo(let undo): return .restore(places(undo.snapshots))
    case .policy(let change): return .policy(change)
    case .hold(let hold): return .hold(places(hold.snapshots), hold.term)
    case .release(let release): return .release(places(release.snapshots))
    case .check(let result): return .check(scope: result.scope, isDamaged: result.isDamaged)
    case .condemn: return .condemn
    case .sweep(let sweep): return .sweep(sweep.condemned)
    case .receipt(let receipt) where receipt.activity == .drillStart: return .drillStart
    case .receipt(let receipt) where receipt.activity == .drill:
      return .drill(
        receipt.counts["startEntry"].flatMap { UInt64(exactly: $0) }, isDone: receipt.result == .ok)
    case .receipt(let receipt):
      return .receipt(activity: receipt.activity.rawValue, isDone: receipt.result == .ok)
    case .genesis, .credential, .repack, .lost, .threshold, .proposal, .approval, .cosign, .anchor:
      return nil
    }
  }

  private func places(_ ids: [Digest]) -> [Int32] { ids.compactMap { placesOfSnapshots[$0] } }

  func place(of snapshot: Digest) -> Int32? { placesOfSnapshots[snapshot] }

  private static func place<Key: Hashable>(
    of key: Key, in list: inout [Key], _ places: inout [Key: Int32]
  ) -> Int32 {
    if let place = places[key] { return place }
    let place = Int32(list.count)
    places[key] = place
    list.append(key)
    return place
  }

  /// The acts of each commit that has any, in the order of the log.
  var commits: some Sequence<ArraySlice<(entry: UInt64, act: Act)>> {
    sequence(state: 0) { [acts, entries] start in
      guard start < acts.count else { return nil }
      let first = start
      let base = entries[Int(acts[first].entry)].base
      while start < acts.count, entries[Int(acts[start].entry)].base == base { start += 1 }
      return acts[first..<start]
    }
  }

  func time(of entry: UInt64) -> Timestamp { Timestamp(seconds: entries[Int(entry)].time) }
  func kind(of entry: UInt64) -> String { kinds[Int(entries[Int(entry)].kind)] }
  func author(of entry: UInt64) -> KeyID { authors[Int(entries[Int(entry)].author)] }
}
