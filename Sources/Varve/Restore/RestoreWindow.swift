import VarveFormat
import VarveRepository

/// A bounded stretch of the plan: files in the order of the walk, and the chunks they want, sorted so
/// that each block is read and decoded once.
///
/// A use takes 104 bytes and a task about 600, so a full window takes some 16 MB; one is being
/// planned while at most as much as two have is being restored.
final class RestoreWindow: @unchecked Sendable {
  static let useLimit = 1 << 16
  static let taskLimit = 1 << 14
  /// Tasks of a window that is handed over before it is full.
  static let smallest = 512
  /// Each of these may be open at the same time as all others.
  static let piecedFileLimit = 256
  /// Blocks whose bytes are this near are read together.
  static let gapLimit: UInt64 = 64 << 10
  static let spanLimit = 8 << 20

  /// A chunk's place in a file.
  struct Use {
    let address: Digest
    let location: ChunkLocation
    let length: UInt32
    let task: Int32
    /// Bytes of the file's data before it.
    let dataOffset: UInt64
  }

  /// Blocks of one pack that lie near each other.
  struct Span {
    /// Positions in `order`.
    var range: Range<Int>
    var offset: UInt64
    var length: Int
  }

  private(set) var tasks: [RestoreTask] = []
  private(set) var uses: [Use] = []
  /// Where the uses of each task begin; one more than there are tasks.
  private(set) var firstUse: [Int] = []
  /// Uses by pack, block and slot; known once the window is sealed.
  private(set) var order: [UInt32] = []
  private(set) var spans: [Span] = []
  /// A place in each pack; known once the window is sealed.
  private(set) var packs: [ChunkLocation] = []
  /// Tasks whose place in the target must be looked at before their chunks are fetched.
  private(set) var preparations: [Int] = []
  /// Tasks without chunks.
  private(set) var plain: [Int] = []
  /// One byte a use: not zero when it is not to be fetched. Workers write different bytes.
  private(set) var settled = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
  private(set) var piecedFileCount = 0

  /// How far the work has come; guarded by the lock of `RestoreQueue`.
  var schedule = Schedule()

  struct Schedule {
    var nextPreparation = 0
    var preparing = 0
    var nextPlain = 0
    var nextPack = 0
    var nextSpan = 0
    var running = 0
  }

  deinit { settled.deallocate() }

  var isFull: Bool {
    isFullOfUses || tasks.count >= Self.taskLimit || piecedFileCount >= Self.piecedFileLimit
  }

  var isFullOfUses: Bool { uses.count >= Self.useLimit }

  var isEmpty: Bool { tasks.isEmpty }

  /// Adds a task; the uses added from now on are its.
  func add(_ task: RestoreTask) {
    tasks.append(task)
    firstUse.append(uses.count)
    if task.isInPieces { piecedFileCount += 1 }
  }

  /// Adds a chunk of the last task.
  func add(_ chunk: ChunkReference, at location: ChunkLocation, dataOffset: UInt64) {
    uses.append(
      Use(
        address: chunk.address, location: location, length: chunk.length,
        task: Int32(tasks.count - 1), dataOffset: dataOffset))
  }

  /// Where the block lies whose uses these positions in `order` are.
  func location(ofBlock range: Range<Int>) -> ChunkLocation {
    uses[Int(order[range.lowerBound])].location
  }

  /// Calls `body` with the positions in `order` that each block of a span has.
  func forEachBlock(of span: Span, _ body: (Range<Int>) -> Void) {
    var start = span.range.lowerBound
    while start < span.range.upperBound {
      let offset = uses[Int(order[start])].location.offset
      var end = start + 1
      while end < span.range.upperBound, uses[Int(order[end])].location.offset == offset {
        end += 1
      }
      body(start..<end)
      start = end
    }
  }

  func uses(ofTask index: Int) -> Range<Int> { firstUse[index]..<firstUse[index + 1] }

  /// Ends planning: sorts the chunks and decides what is read together. O(n log n).
  func seal() {
    firstUse.append(uses.count)
    for index in tasks.indices {
      let task = tasks[index]
      if uses(ofTask: index).isEmpty {
        // Chunks of a file that spans windows come with a task entry in each.
        if task.dataSize == 0 { plain.append(index) }
      } else if task.directory.mayHaveContent {
        preparations.append(index)
      }
    }
    settled.deallocate()
    settled = .allocate(capacity: max(1, uses.count))
    settled.initialize(repeating: 0, count: max(1, uses.count))
    sortUses()
    makeSpans()
  }

  private func sortUses() {
    var packs: [Digest: UInt64] = [:]
    var keys: [(major: UInt64, minor: UInt64)] = []
    keys.reserveCapacity(uses.count)
    for (index, use) in uses.enumerated() {
      let pack = packs[use.location.pack, default: UInt64(packs.count)]
      packs[use.location.pack] = pack
      keys.append(
        (
          major: pack << 32 | UInt64(use.location.offset),
          minor: UInt64(use.location.slot) << 32 | UInt64(index)
        ))
    }
    keys.sort { $0.major != $1.major ? $0.major < $1.major : $0.minor < $1.minor }
    order = keys.map { UInt32(truncatingIfNeeded: $0.minor) }
  }

  private func makeSpans() {
    for (position, index) in order.enumerated() {
      let location = uses[Int(index)].location
      if packs.last?.pack != location.pack { packs.append(location) }
      let offset = UInt64(location.offset)
      let end = offset + UInt64(location.storedLength)
      if var span = spans.last,
        uses[Int(order[span.range.lowerBound])].location.pack == location.pack,
        offset <= span.offset + UInt64(span.length) + Self.gapLimit,
        end - span.offset <= UInt64(max(Self.spanLimit, span.length))
      {
        span.range = span.range.lowerBound..<position + 1
        span.length = max(span.length, Int(end - span.offset))
        spans[spans.count - 1] = span
      } else {
        spans.append(
          Span(
            range: position..<position + 1, offset: offset, length: Int(location.storedLength)))
      }
    }
  }
}
