internal import VarveFormat

/// How much of each live pack is used.
///
/// 100 bytes a pack and 12 a block. A block of which some chunks are used counts as used in the proportion of their
/// number, since the index does not know their lengths.
struct PackTally {
  struct Pack {
    let pack: IndexPack
    /// Of its sealed blocks, in order.
    var blocks: [IndexBlock]
    /// By block: rows of the index, and those that are used.
    var rows: [UInt32]
    var used: [UInt32]

    var isUsed: Bool { used.contains { $0 > 0 } }

    /// Bytes of blocks that nothing needs, or of parts of blocks.
    var unusedByteCount: UInt64 {
      var sum = 0.0
      for (number, block) in blocks.enumerated() {
        let rows = Double(rows[number])
        let share = rows > 0 ? Double(used[number]) / rows : 0
        sum += Double(block.storedLength) * (1 - share)
      }
      return UInt64(sum)
    }
  }

  /// Every live pack that the index has.
  private(set) var packs: [Pack] = []
  private var numbers: [Digest: Int] = [:]

  /// - Throws: `.damaged` when a table of the index is.
  init(_ index: ChunkIndex, _ used: SlotUse) throws {
    for table in index.list {
      // Where a pack is in several tables the first one counts.
      var own: [Int?] = []
      own.reserveCapacity(table.packCount)
      for number in 0..<table.packCount {
        let pack = try table.pack(at: number)
        guard table.isLive(pack: number), numbers[pack.name] == nil else {
          own.append(nil)
          continue
        }
        let blocks = try table.blockRows(ofPack: number)
        numbers[pack.name] = packs.count
        own.append(packs.count)
        packs.append(
          Pack(
            pack: pack, blocks: blocks, rows: Array(repeating: 0, count: blocks.count),
            used: Array(repeating: 0, count: blocks.count)))
      }
      table.forEachRow { row in
        let place = row.location
        guard Int(place.pack) < own.count, let number = own[Int(place.pack)],
          Int(place.block) < packs[number].blocks.count
        else { return }
        packs[number].rows[Int(place.block)] += 1
        if used.contains(packs[number].pack.name, block: place.block, slot: place.slot) {
          packs[number].used[Int(place.block)] += 1
        }
      }
    }
  }

  subscript(name: Digest) -> Pack? { numbers[name].map { packs[$0] } }
}

extension IndexTable {
  /// The blocks of a pack.
  ///
  /// - Throws: `.damaged` when they do not lie among the block rows.
  func blockRows(ofPack index: Int) throws -> [IndexBlock] {
    try blocks(ofPack: index).map {
      try IndexBlock.decode(blockRows + $0 * IndexBlock.byteCount)
    }
  }
}
