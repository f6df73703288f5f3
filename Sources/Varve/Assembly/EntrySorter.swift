// Entries that come in any order, given back in the order of a walk, whatever their number.
//
//   record := key-length:u32 rest-length:u32 number:u64 key rest
//   key    := the components of a path, NUL between them, so that bytes compare as a walk goes
//
// Records are gathered in memory up to `memoryLimit`, then sorted by (key, number) and written to a file without a name
// as one run; in the end the runs are merged. Of each run `windowSize` is in memory: 10^8 entries of 150 bytes are 15 GB in
// 240 runs, 64 MiB and 60 MiB of memory.

internal import VarveFormat
internal import VarveRepository

/// Sorts entries by path. One thread.
final class EntrySorter {
  /// One record.
  struct Record {
    var key: [UInt8]
    /// In the order of `add`.
    var number: UInt64
    var rest: [UInt8]

    func precedes(_ other: Record) -> Bool {
      key == other.key ? number < other.number : key.lexicographicallyPrecedes(other.key)
    }
  }

  static let memoryLimit = 64 << 20
  private static let windowSize = 256 << 10
  private static let headSize = 16

  private let directory: [UInt8]?
  private let memoryLimit: Int
  private var records: [Record] = []
  private var memory = 0
  private var next: UInt64 = 0
  private var file: SpillFile?
  private var runs: [Range<UInt64>] = []
  private var isSorted = false

  /// - Parameter directory: where a file is made if need be.
  init(spillingTo directory: [UInt8]?, memoryLimit: Int = EntrySorter.memoryLimit) {
    self.directory = directory
    self.memoryLimit = memoryLimit
  }

  /// Adds an entry and numbers it.
  ///
  /// - Throws: `.io` when there is no room.
  @discardableResult
  func add(_ key: [UInt8], _ rest: [UInt8]) throws -> UInt64 {
    let number = next
    next += 1
    records.append(Record(key: key, number: number, rest: rest))
    memory += key.count + rest.count + 3 * 32 + MemoryLayout<Record>.stride
    if memory > memoryLimit { try spill() }
    return number
  }

  private func spill() throws {
    guard !records.isEmpty else { return }
    records.sort { $0.precedes($1) }
    let file = try self.file ?? SpillFile(in: directory)
    self.file = file
    let start = file.size
    var writer = ByteWriter()
    for record in records {
      writer.u32(UInt32(record.key.count))
      writer.u32(UInt32(record.rest.count))
      writer.u64(record.number)
      writer.raw(record.key)
      writer.raw(record.rest)
      if writer.bytes.count > 1 << 20 {
        try writer.bytes.withUnsafeBytes { try file.append($0) }
        writer.bytes.removeAll(keepingCapacity: true)
      }
    }
    try writer.bytes.withUnsafeBytes { try file.append($0) }
    runs.append(start..<file.size)
    records = []
    memory = 0
  }

  /// Calls `body` with every record, ordered by key, those of one key by number. May be called again.
  ///
  /// - Throws: `.io`, and what `body` throws.
  func forEachRecord(_ body: (Record) throws -> Void) throws {
    guard let file else {
      if !isSorted {
        records.sort { $0.precedes($1) }
        isSorted = true
      }
      for record in records { try body(record) }
      return
    }
    try spill()
    var heads: [Record?] = []
    let readers = runs.map { RunReader(file, $0, window: Self.windowSize) }
    for reader in readers { heads.append(try reader.next()) }
    while true {
      var first: Int?
      for (index, head) in heads.enumerated() {
        guard let head else { continue }
        if let best = first.flatMap({ heads[$0] }), best.precedes(head) { continue }
        first = index
      }
      guard let first, let record = heads[first] else { return }
      try body(record)
      heads[first] = try readers[first].next()
    }
  }

  /// Reads one run.
  private final class RunReader {
    private let file: SpillFile
    private let range: Range<UInt64>
    private var position: UInt64
    private var window: [UInt8] = []
    private var start = 0
    private let windowSize: Int

    init(_ file: SpillFile, _ range: Range<UInt64>, window: Int) {
      self.file = file
      self.range = range
      position = range.lowerBound
      windowSize = window
    }

    func next() throws -> Record? {
      guard try have(EntrySorter.headSize) else { return nil }
      let (keyCount, restCount, number) = window.withUnsafeBytes { bytes in
        (
          Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self))),
          Int(
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 4, as: UInt32.self))),
          UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self))
        )
      }
      let size = EntrySorter.headSize + keyCount + restCount
      guard try have(size) else { throw VarveError(.io, "a temporary file was changed") }
      let key = start + EntrySorter.headSize
      defer { start += size }
      return Record(
        key: Array(window[key..<key + keyCount]), number: number,
        rest: Array(window[key + keyCount..<start + size]))
    }

    /// Reads on until `count` bytes are there; false at the end of the run.
    private func have(_ count: Int) throws -> Bool {
      while window.count - start < count {
        let left = range.upperBound - position
        if left == 0 { return false }
        window.removeFirst(start)
        start = 0
        var piece = [UInt8](repeating: 0, count: Int(min(left, UInt64(windowSize))))
        let got = try piece.withUnsafeMutableBytes { try file.read(at: position, into: $0) }
        guard got > 0 else { throw VarveError(.io, "a temporary file was cut") }
        window.append(contentsOf: piece[..<got])
        position += UInt64(got)
      }
      return true
    }
  }
}
