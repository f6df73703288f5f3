import Testing
import VarveFormat
import VarveTestSupport

@Suite struct IndexSegmentTests {
  @Test func segmentsMatchTheVectors() throws {
    for record in try VectorFile.records("index-segments.txt") {
      let bytes = try record.bytes("plain")
      try expectResult(record) {
        try bytes.withUnsafeBytes { bytes in
          let view = try IndexSegmentView(bytes)
          try view.validate()
          for item in try record.text("found").split(separator: " ") {
            let parts = item.split(separator: ":")
            let address = try #require(Digest(hex: parts[0]))
            let location = try #require(view.lookup(address), "\(record)")
            #expect(try view.pack(at: Int(location.pack)).name.hex == parts[1])
            #expect(try view.block(location).offset == UInt32(parts[2]))
            #expect(location.slot == UInt16(parts[3]))
          }
        }
      }
    }
  }

  @Test func mutatedSegmentsNeverTrap() throws {
    for record in try VectorFile.records("index-segments.txt")
    where try record.text("result") == "ok" {
      let addresses = try record.text("found").split(separator: " ").compactMap {
        Digest(hex: $0.prefix(64))
      }
      Mutation(seed: 11, rounds: 3_000).expectSafe(try record.bytes("plain")) { bytes in
        let view = try IndexSegmentView(bytes)
        // Used without having been validated, as a mapped segment is.
        for address in addresses + [.zero, Digest(.max, .max, .max, .max)] {
          if let location = view.lookup(address) { _ = try? view.block(location) }
        }
        try view.validate()
        return Array(bytes)
      }
    }
  }

  /// Packs with random chunks; the same seed gives the same packs.
  private func packs(
    _ count: Int, chunks: Int, seed: UInt64
  ) -> [(pack: IndexPack, trailer: PackTrailer)] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { number in
      var trailer = PackTrailer()
      var left = chunks
      while left > 0 {
        let slots = min(left, Int.random(in: 1...9, using: &generator))
        for _ in 0..<slots {
          let length = UInt32.random(in: 1...9_999, using: &generator)
          trailer.append(PackTrailer.Slot(address: generator.digest(), length: length))
        }
        trailer.endBlock(storedLength: UInt32.random(in: 40...80_000, using: &generator))
        left -= slots
      }
      let size = 128 + trailer.storedByteCount + 100 + 16
      let type: PackType = number % 3 == 0 ? .tree : .data
      return (IndexPack(name: generator.digest(), size: size, type: type), trailer)
    }
  }

  private func build(_ packs: [(pack: IndexPack, trailer: PackTrailer)]) -> [UInt8] {
    var builder = IndexSegmentBuilder()
    for (pack, trailer) in packs { builder.add(pack, trailer) }
    return builder.finish()
  }

  @Test(arguments: [1, 2, 17, 300, 5_000])
  func everyChunkIsFoundWhereItIs(chunks: Int) throws {
    let packs = packs(4, chunks: chunks, seed: UInt64(chunks))
    let bytes = build(packs)
    try bytes.withUnsafeBytes { bytes in
      let view = try IndexSegmentView(bytes)
      try view.validate()
      #expect(view.rowCount == 4 * chunks)
      #expect(view.packCount == 4)
      for (pack, trailer) in packs {
        var offset = UInt32(PackHeader.byteCount)
        for (ordinal, block) in trailer.blocks.enumerated() {
          for (slot, entry) in trailer.slots[block.slots].enumerated() {
            let location = try #require(view.lookup(entry.address))
            #expect(try view.pack(at: Int(location.pack)) == pack)
            #expect(location.block == UInt16(ordinal) && location.slot == UInt16(slot))
            let found = try view.block(location)
            #expect(found == IndexBlock(offset: offset, storedLength: block.storedLength))
          }
          offset += block.storedLength
        }
      }
      var generator = SeededGenerator(seed: 99)
      for _ in 0..<1_000 { #expect(view.lookup(generator.digest()) == nil) }
    }
  }

  @Test func orderOfAddingDoesNotMatter() {
    let packs = packs(6, chunks: 500, seed: 3)
    var generator = SeededGenerator(seed: 4)
    #expect(build(packs) == build(packs.shuffled(using: &generator)))
  }

  @Test func aChunkInSeveralPacksHasOneRow() throws {
    var packs = packs(3, chunks: 10, seed: 5)
    let shared = packs[0].trailer.slots[0]
    for number in 1...2 {
      packs[number].trailer.append(shared)
      packs[number].trailer.append(shared)
      packs[number].trailer.endBlock(storedLength: 99)
      packs[number].pack = IndexPack(
        name: packs[number].pack.name, size: packs[number].pack.size + 99,
        type: packs[number].pack.type)
    }
    try build(packs).withUnsafeBytes { bytes in
      let view = try IndexSegmentView(bytes)
      try view.validate()
      #expect(view.rowCount == 30)
      let location = try #require(view.lookup(shared.address))
      let least = try #require(packs.map(\.pack.name).min())
      #expect(try view.pack(at: Int(location.pack)).name == least)
    }
  }

  @Test func addressesThatShareTheirFirstBytesAreFound() throws {
    // Whoever can choose data can make the leading bits equal; the look-up must stay right.
    var trailer = PackTrailer()
    let addresses = (0..<UInt64(2_000)).map { Digest(0x8000_0000_0000_0000 | $0 / 500, $0, 7, 7) }
    for address in addresses { trailer.append(PackTrailer.Slot(address: address, length: 1)) }
    trailer.endBlock(storedLength: 4_000)
    let pack = IndexPack(name: Digest(1, 1, 1, 1), size: 5_000, type: .data)
    try build([(pack, trailer)]).withUnsafeBytes { bytes in
      let view = try IndexSegmentView(bytes)
      try view.validate()
      for (slot, address) in addresses.enumerated() {
        #expect(view.lookup(address)?.slot == UInt16(slot))
      }
      #expect(view.lookup(Digest(0x8000_0000_0000_0000, 500, 7, 7)) == nil)
      #expect(view.lookup(Digest(0x8000_0000_0000_0003, .max, 7, 7)) == nil)
    }
  }

  @Test func mergingEqualsBuildingAtOnce() throws {
    let packs = packs(7, chunks: 400, seed: 8)
    let parts = [Array(packs[0..<2]), Array(packs[2..<6]), Array(packs[5..<7])].map(build)
    try parts[0].withUnsafeBytes { first in
      try parts[1].withUnsafeBytes { second in
        try parts[2].withUnsafeBytes { third in
          let views = try [first, second, third].map { try IndexSegmentView($0) }
          #expect(try IndexSegmentView.merging(views) == build(packs))
          #expect(try IndexSegmentView.merging([views[1]]) == parts[1])
        }
      }
    }
  }

  @Test func packsThatDisagreeAreNotMerged() throws {
    var changed = packs(1, chunks: 5, seed: 9)
    let first = build(changed)
    changed[0].pack = IndexPack(
      name: changed[0].pack.name, size: changed[0].pack.size + 1, type: changed[0].pack.type)
    let second = build(changed)
    try first.withUnsafeBytes { first in
      try second.withUnsafeBytes { second in
        let views = [try IndexSegmentView(first), try IndexSegmentView(second)]
        #expect(throws: VarveError(.damaged, "")) { try IndexSegmentView.merging(views) }
      }
    }
  }

  @Test func headerComesBackAndSaysHowLongTheObjectIs() throws {
    var generator = SeededGenerator(seed: 10)
    for (length, frames) in [(1, 1), (1 << 20, 1), (1 << 20 + 1, 2)] as [(UInt64, UInt64)] {
      let header = IndexSegmentHeader(plainLength: length, salt: generator.bytes(32))
      let bytes = header.encode()
      #expect(bytes.count == 64)
      #expect(try bytes.withUnsafeBytes { try IndexSegmentHeader(decoding: $0) } == header)
      #expect(header.frameCount == frames)
      #expect(header.objectByteCount == 64 + length + 16 * frames)
      Mutation(seed: 12).expectSafe(bytes) {
        try IndexSegmentHeader(decoding: $0).encode() + $0.dropFirst(64)
      }
    }
  }
}
