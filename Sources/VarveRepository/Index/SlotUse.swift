package import VarveFormat

/// Which slots of which packs are used: one bit a chunk instead of its 32-byte address.
///
/// A pack costs some 150 bytes and 8 for each block; a block of more than 64 slots, 40 more for every
/// further 64. So 10^6 chunks of 1 MiB take about 13 MB.
package struct SlotUse: Sendable {
  private struct Overflow: Hashable, Sendable {
    let pack: UInt32
    let block: UInt16
    let word: UInt16
  }

  private struct Pack: Sendable {
    let number: UInt32
    var seenBlocks: [UInt64] = []
    /// The first 64 slots of each block.
    var firstWords: [UInt64] = []
  }

  private var packs: [Digest: Pack] = [:]
  private var overflow: [Overflow: UInt64] = [:]

  package init() {}

  /// Whether a slot is marked.
  package func contains(_ pack: Digest, block: UInt16, slot: UInt16) -> Bool {
    guard let found = packs[pack], Int(block) < found.firstWords.count else { return false }
    if slot < 64 { return found.firstWords[Int(block)] >> UInt64(slot) & 1 == 1 }
    let key = Overflow(pack: found.number, block: block, word: slot >> 6)
    return overflow[key, default: 0] >> UInt64(slot & 63) & 1 == 1
  }

  /// Marks a slot.
  ///
  /// - Returns: whether it is new, and whether it is the first of its block.
  package mutating func insert(_ location: ChunkLocation) -> (isNew: Bool, isFirstOfBlock: Bool) {
    let next = Pack(number: UInt32(truncatingIfNeeded: packs.count))
    let block = Int(location.block)
    let (isFirst, isNew, number) = SlotUse.insert(
      location, block, into: &packs[location.pack, default: next])
    guard location.slot >= 64 else { return (isNew, isFirst) }
    let key = Overflow(pack: number, block: location.block, word: location.slot >> 6)
    return (SlotUse.set(Int(location.slot & 63), of: &overflow[key, default: 0]), isFirst)
  }

  private static func insert(
    _ location: ChunkLocation, _ block: Int, into pack: inout Pack
  ) -> (isFirst: Bool, isNew: Bool, number: UInt32) {
    while pack.firstWords.count <= block { pack.firstWords.append(0) }
    while pack.seenBlocks.count <= block / 64 { pack.seenBlocks.append(0) }
    let isFirst = set(block % 64, of: &pack.seenBlocks[block / 64])
    let isNew =
      location.slot < 64 && set(Int(location.slot), of: &pack.firstWords[block])
    return (isFirst, isNew, pack.number)
  }

  /// Sets a bit; true when it was not set before.
  private static func set(_ bit: Int, of word: inout UInt64) -> Bool {
    let mask = UInt64(1) << UInt64(bit)
    defer { word |= mask }
    return word & mask == 0
  }
}
