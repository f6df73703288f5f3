import Glibc
import VarveFormat

/// Merges the pack tables of several tables into a run's.
///
/// Memory: 4 bytes a pack of each input for its number in the run, and 9 a pack of the run: 3·10^6 packs take
/// 40 MB.
struct PackMerge {
  /// By input, by pack: the pack's number in the run, or `RowCursor.leftOut`.
  private(set) var numbers: [[UInt32]] = []
  private(set) var packCount = 0
  private(set) var blockCount = 0
  /// By pack of the run, whether it is live: 1 or 0.
  private(set) var live: [UInt8] = []

  private let inputs: [IndexTable]
  /// By input, by covered segment: its number among the run's, or `RunHeader.noHome`.
  private let homes: [[UInt32]]

  /// A pack as one input has it.
  private struct Candidate {
    var input: Int
    var row: Int
    var pack: IndexPack
    var blocks: Range<Int>
  }

  init(_ inputs: [IndexTable], cover: [CoveredSegment]) {
    self.inputs = inputs
    var places: [Digest: UInt32] = [:]
    for (number, segment) in cover.enumerated() { places[segment.name] = UInt32(number) }
    homes = inputs.map { $0.cover.map { places[$0.name] ?? RunHeader.noHome } }
  }

  /// Writes pack rows, then block rows.
  ///
  /// - Throws: `DamagedTable`; `.io`.
  mutating func write(to output: RunOutput) throws {
    numbers = inputs.map { [UInt32](repeating: RowCursor.leftOut, count: $0.packCount) }
    var sources: [(input: UInt16, row: UInt32)] = []
    try forEachPack { group in
      guard let home = home(of: group) else { return }
      let isLive = group.contains {
        inputs[$0.input].liveness.isLive(UInt32($0.row), of: inputs[$0.input])
      }
      guard isLive || home != RunHeader.noHome else { return }
      let pack = group[0]
      guard blockCount + pack.blocks.count < UInt32.max, packCount < UInt32.max - 1 else {
        throw VarveError(.damaged, "the index has too many packs")
      }
      let row = try output.room(RunHeader.packByteCount)
      pack.pack.encode(firstBlock: UInt32(blockCount), to: row)
      row.storeBytes(of: home.littleEndian, toByteOffset: IndexPack.byteCount, as: UInt32.self)
      row.storeBytes(of: 0, toByteOffset: IndexPack.byteCount + 4, as: UInt32.self)
      for candidate in group { numbers[candidate.input][candidate.row] = UInt32(packCount) }
      sources.append((UInt16(pack.input), UInt32(pack.row)))
      live.append(isLive ? 1 : 0)
      packCount += 1
      blockCount += pack.blocks.count
    }
    for source in sources {
      let table = inputs[Int(source.input)]
      try output.append(blockBytes(table, try table.blocks(ofPack: Int(source.row))))
    }
  }

  /// The covered segment that lists the pack, among those of the run.
  private func home(of group: [Candidate]) -> UInt32? {
    var found = RunHeader.noHome
    for candidate in group {
      var home = inputs[candidate.input].home(ofPack: candidate.row)
      if home < RunHeader.severalHomes {
        let homes = homes[candidate.input]
        home = home < homes.count ? homes[Int(home)] : RunHeader.noHome
      }
      if home == RunHeader.noHome || home == found { continue }
      found = found == RunHeader.noHome ? home : RunHeader.severalHomes
    }
    return found
  }

  private func blockBytes(_ table: IndexTable, _ blocks: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: table.blockRows + blocks.lowerBound * IndexBlock.byteCount,
      count: blocks.count * IndexBlock.byteCount)
  }

  /// Calls `body` with each distinct pack, in order, as all inputs that list it have it.
  private func forEachPack(_ body: ([Candidate]) throws -> Void) throws {
    var heap = MergeHeap()
    var next = [Int](repeating: 0, count: inputs.count)
    for input in inputs.indices {
      if let key = key(input, 0) { heap.insert(key, input: input) }
    }
    var group: [Candidate] = []
    while let least = heap.least {
      group.removeAll(keepingCapacity: true)
      while let entry = heap.least, entry.key == least.key {
        group.append(try candidate(entry.input, next[entry.input]))
        next[entry.input] += 1
        let key = key(entry.input, next[entry.input])
        if let key, key < entry.key {
          throw DamagedTable(
            inputs[entry.input], inputs[entry.input].fail("its packs do not ascend"))
        }
        heap.advanceLeast(to: key)
      }
      if group.count > 1 { group.sort { order($0, $1) < 0 } }
      var start = 0
      for index in 1...group.count
      where index == group.count || order(group[start], group[index]) != 0 {
        try body(Array(group[start..<index]))
        start = index
      }
    }
  }

  private func key(_ input: Int, _ row: Int) -> UInt64? {
    let table = inputs[input]
    guard row < table.packCount else { return nil }
    let pointer = table.packRows + row * table.packByteCount
    return UInt64(bigEndian: pointer.loadUnaligned(as: UInt64.self))
  }

  private func candidate(_ input: Int, _ row: Int) throws -> Candidate {
    let table = inputs[input]
    do {
      return Candidate(
        input: input, row: row, pack: try table.pack(at: row), blocks: try table.blocks(ofPack: row)
      )
    } catch {
      throw DamagedTable(table, error)
    }
  }

  /// By name, then by everything else that an input says of the pack; 0 when they say the same.
  private func order(_ a: Candidate, _ b: Candidate) -> Int {
    if a.pack.name != b.pack.name { return a.pack.name < b.pack.name ? -1 : 1 }
    if a.pack.size != b.pack.size { return a.pack.size < b.pack.size ? -1 : 1 }
    if a.pack.type != b.pack.type { return a.pack.type.rawValue < b.pack.type.rawValue ? -1 : 1 }
    if a.blocks.count != b.blocks.count { return a.blocks.count < b.blocks.count ? -1 : 1 }
    let first = blockBytes(inputs[a.input], a.blocks)
    let second = blockBytes(inputs[b.input], b.blocks)
    return Int(memcmp(first.baseAddress!, second.baseAddress!, first.count))
  }
}

/// Which input of a merge is damaged, and how.
struct DamagedTable: Error {
  let table: IndexTable
  let cause: any Error

  init(_ table: IndexTable, _ cause: any Error) {
    self.table = table
    self.cause = cause
  }
}
