/// Makes the plaintext of an index segment from packs and their trailers (docs/format.md, section 8).
///
/// The same packs give the same bytes in whatever order they are added. A chunk that lies in several
/// packs, or twice in one, gets one row: the one with the lowest pack name, block and slot.
///
/// Memory: 40 bytes a row while adding. `finish` sorts them in place, builds the filter (23 bytes a row, freed)
/// and then the plaintext (42 bytes a row): at most 82 bytes a row, 43 MB for 2^19.
public struct IndexSegmentBuilder {
  private var packs: [IndexPack] = []
  private var blocks: [[IndexBlock]] = []
  private var rows: [IndexRow] = []
  /// Which packs `add(_:keeping:)` has added.
  private var numbers: [Digest: UInt32] = [:]

  public init() {}

  /// Rows added so far, repeated chunks included.
  public var rowCount: Int { rows.count }
  public var packCount: Int { packs.count }

  /// Adds a pack with all its chunks. Blocks follow one another from the end of the pack's header.
  ///
  /// - Parameters:
  ///   - pack: a pack that has not been added yet.
  ///   - trailer: its chunk table, of at least one block.
  public mutating func add(_ pack: IndexPack, _ trailer: PackTrailer) {
    precondition(!trailer.blocks.isEmpty && trailer.blocks.count <= PackLimits.blocks)
    let number = UInt32(packs.count)
    packs.append(pack)
    var offset = UInt32(PackHeader.byteCount)
    var list: [IndexBlock] = []
    list.reserveCapacity(trailer.blocks.count)
    for (ordinal, block) in trailer.blocks.enumerated() {
      list.append(IndexBlock(offset: offset, storedLength: block.storedLength))
      offset += block.storedLength
      for (slot, entry) in trailer.slots[block.slots].enumerated() {
        rows.append(
          IndexRow(
            address: entry.address,
            location: IndexLocation(pack: number, block: UInt16(ordinal), slot: UInt16(slot))))
      }
    }
    blocks.append(list)
  }

  /// Adds those packs of another segment that `isKept` admits, with their rows. A pack that was added this way
  /// before is not added again.
  ///
  /// - Throws: `.damaged` when the segment is.
  public mutating func add(
    _ segment: IndexSegmentView, keeping isKept: (IndexPack) -> Bool
  ) throws {
    var own: [UInt32?] = []
    own.reserveCapacity(segment.packCount)
    for number in 0..<segment.packCount {
      let pack = try segment.pack(at: number)
      guard isKept(pack) else {
        own.append(nil)
        continue
      }
      if let known = numbers[pack.name] {
        own.append(known)
        continue
      }
      let list = try segment.blocks(ofPack: number).map { try segment.block(at: $0) }
      numbers[pack.name] = UInt32(packs.count)
      own.append(UInt32(packs.count))
      packs.append(pack)
      blocks.append(list)
    }
    for index in 0..<segment.rowCount {
      let row = segment.row(at: index)
      guard Int(row.location.pack) < own.count else {
        throw VarveError(.damaged, "index segment is damaged: a row has no pack")
      }
      guard let number = own[Int(row.location.pack)] else { continue }
      guard Int(row.location.block) < blocks[Int(number)].count else {
        throw VarveError(.damaged, "index segment is damaged: a row has no block")
      }
      rows.append(
        IndexRow(
          address: row.address,
          location: IndexLocation(
            pack: number, block: row.location.block, slot: row.location.slot)))
    }
  }

  /// The plaintext; the builder is empty afterwards. O(rows).
  public mutating func finish() -> [UInt8] {
    let order = packs.indices.sorted { packs[$0].name < packs[$1].name }
    var numbers = [UInt32](repeating: 0, count: packs.count)
    for (number, index) in order.enumerated() { numbers[index] = UInt32(number) }
    for index in rows.indices {
      let row = rows[index]
      rows[index] = IndexRow(
        address: row.address,
        location: IndexLocation(
          pack: numbers[Int(row.location.pack)], block: row.location.block,
          slot: row.location.slot))
    }
    IndexRowSort.sortAndRemoveRepeats(&rows)
    defer { self = IndexSegmentBuilder() }
    return IndexSegmentEncoder.encode(
      packs: order.map { packs[$0] }, blocks: order.map { blocks[$0] }, rows: rows)
  }
}
