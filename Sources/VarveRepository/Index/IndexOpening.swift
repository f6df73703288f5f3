package import VarveFormat

/// Opens the index of a log state: runs of the local cache where they cover live segments, the segments themselves
/// where no run does.
///
/// Time: the heads of the runs, 40 bytes a segment, and what has to be fetched. No row is looked at, except in
/// merges of up to 2^21 rows, 0.3 s, that the new segments may call for; larger ones are left to the next session
/// that stores something, unless there are very many tables.
package struct IndexOpening {
  private static let rowLimit = 1 << 21
  /// Tables above which opening merges whatever there is to merge.
  private static let tableLimit = 32
  /// Segments that are mapped at once before they are merged.
  private static let batch = 256
  /// Segments up to which each fetched one is kept in the cache, at the price of a sync; more of them are
  /// merged right away, and the run is kept.
  private static let keptLimit = 64

  private let cache: SegmentCache
  private let segments: [Digest: UInt64]
  private let isLive: PackLiveness.Question
  private let skips: (@Sendable (VarveError) -> Void)?

  /// - Parameters:
  ///   - segments: the live segments and their sizes.
  ///   - skips: told of each segment that is damaged or missing, and is then passed over; nil to throw.
  ///   - isLive: whether the log state has a pack of that name and size.
  package init(
    cache: SegmentCache, segments: [Digest: UInt64],
    skips: (@Sendable (VarveError) -> Void)? = nil,
    isLive: @escaping @Sendable (_ pack: Digest, _ size: UInt64) -> Bool
  ) {
    self.cache = cache
    self.segments = segments
    self.isLive = isLive
    self.skips = skips
  }

  /// - Throws: `.missing` or `.damaged`, naming the segment.
  package func open() throws -> ChunkIndex {
    let directory = RunDirectory(path: cache.directory)
    let index = ChunkIndex(runs: directory)
    var covered: Set<Digest> = []
    for run in directory.runs() {
      let table = IndexTable(run, isLiveSegment: { segments[$0] != nil }, isLive: isLive)
      let names = table.liveCover.map(\.name)
      guard !names.allSatisfy(covered.contains) else { continue }
      covered.formUnion(names)
      index.insert(table)
    }
    try fetch(except: covered, into: index)
    // Damage is found when a table is merged; what it covered comes from storage again, once.
    for _ in 0..<2 {
      let limit = index.tableCount > Self.tableLimit ? .max : Self.rowLimit
      let damaged = index.settle(rowLimit: limit)
      guard !damaged.isEmpty else { break }
      index.replace(damaged, with: [])
      try fetch(except: Set(index.list.lazy.flatMap(\.liveCover).map(\.name)), into: index)
    }
    prune(directory, index)
    return index
  }

  private func fetch(except covered: Set<Digest>, into index: ChunkIndex) throws {
    let wanted = segments.filter { !covered.contains($0.key) }.sorted { $0.key < $1.key }
    let keeps = wanted.count <= Self.keptLimit
    for start in stride(from: 0, to: wanted.count, by: Self.batch) {
      let batch = Array(wanted[start..<min(start + Self.batch, wanted.count)])
      let segments = try ParallelWork.map(batch, threads: cache.transfersAtOnce) {
        try segment($0.key, size: $0.value, keeps: keeps)
      }
      for case let segment? in segments { index.insert(IndexTable(segment, isLive: isLive)) }
      if batch.count == Self.batch { index.settle() }
    }
  }

  private func segment(_ name: Digest, size: UInt64, keeps: Bool) throws -> MappedSegment? {
    do {
      return try cache.segment(name, size: size, keeps: keeps)
    } catch let error as VarveError where error.code == .damaged || error.code == .missing {
      guard let skips else { throw error }
      skips(error)
      return nil
    }
  }

  private func prune(_ directory: RunDirectory, _ index: ChunkIndex) {
    let runs = index.list.compactMap { table in
      if case .run(let run) = table.content { run } else { nil }
    }
    directory.prune(runs) { segments[$0] != nil }
  }
}
