internal import Synchronization
public import VarveFormat

/// Says where chunks lie: all live index segments, newest first.
///
/// A look-up costs one filter test (about 1 byte a row, wrong in 1 of 256 cases) for each segment that
/// does not have the chunk, and one search in the segment that does. Rows of packs that are not live are passed
/// over, so a chunk whose pack is gone counts as absent.
public final class ChunkIndex: Sendable {
  private struct Run: Sendable {
    let segment: MappedSegment
    /// By pack row: whether the log state has that pack.
    let live: [Bool]
  }

  private let runs = Mutex<[Run]>([])

  package init() {}

  /// Adds a segment.
  ///
  /// - Parameter isLive: whether the log state has a pack of that name and size.
  /// - Throws: `.damaged` when the segment's pack table is.
  package func add(
    _ segment: MappedSegment, isLive: (_ pack: Digest, _ size: UInt64) -> Bool
  ) throws {
    var live: [Bool] = []
    live.reserveCapacity(segment.view.packCount)
    for row in 0..<segment.view.packCount {
      let pack = try segment.view.pack(at: row)
      live.append(isLive(pack.name, pack.size))
    }
    let run = Run(segment: segment, live: live)
    runs.withLock { $0.append(run) }
  }

  /// Where the chunk lies, or nil when no live pack has it.
  ///
  /// A row that points outside its segment is treated as absent: such a segment is damaged, and
  /// whoever reads a chunk verifies it, so the worst is a chunk stored twice.
  public func locate(_ id: Digest) -> ChunkLocation? {
    for run in runs.withLock({ $0 }).reversed() {
      let view = run.segment.view
      guard let row = view.lookup(id), run.live.indices.contains(Int(row.pack)),
        run.live[Int(row.pack)], let pack = try? view.pack(at: Int(row.pack)),
        let block = try? view.block(row)
      else { continue }
      return ChunkLocation(
        pack: pack.name, packSize: pack.size, type: pack.type, offset: block.offset,
        storedLength: block.storedLength, block: row.block, slot: row.slot)
    }
    return nil
  }

  /// Whether a live pack has the chunk.
  public func contains(_ id: Digest) -> Bool {
    for run in runs.withLock({ $0 }).reversed() {
      if let row = run.segment.view.lookup(id), run.live.indices.contains(Int(row.pack)),
        run.live[Int(row.pack)]
      {
        return true
      }
    }
    return false
  }

  /// Rows in all segments; a chunk that lies in several packs counts each time.
  public var rowCount: Int { runs.withLock { $0.reduce(0) { $0 + $1.segment.view.rowCount } } }

  /// The segments, oldest first.
  package var segments: [MappedSegment] { runs.withLock { $0.map(\.segment) } }
}
