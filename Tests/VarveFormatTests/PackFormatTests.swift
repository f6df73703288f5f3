import Testing
import VarveFormat
import VarveTestSupport

@Suite struct PackFormatTests {
  @Test func partsMatchTheVectors() throws {
    for record in try VectorFile.records("pack-parts.txt") {
      let bytes = try record.bytes("bytes")
      let kind = try record.text("kind")
      try expectResult(record) {
        let recoded = try bytes.withUnsafeBytes { try recode(kind, $0) }
        #expect(recoded == bytes, "\(record)")
      }
    }
  }

  @Test func mutatedPartsNeverTrap() throws {
    for record in try VectorFile.records("pack-parts.txt") where try record.text("result") == "ok" {
      let kind = try record.text("kind")
      // A header and a footer are read from one end of something longer: what follows or comes
      // before them is not theirs.
      let exact: (UnsafeRawBufferPointer) throws -> [UInt8] = { bytes in
        let recoded = try recode(kind, bytes)
        switch kind {
        case "header": return recoded + bytes.dropFirst(PackHeader.byteCount)
        case "footer": return bytes.dropLast(PackFooter.byteCount) + recoded
        default: return recoded
        }
      }
      Mutation(seed: 7).expectSafe(try record.bytes("bytes"), exact)
    }
  }

  private func recode(_ kind: String, _ bytes: UnsafeRawBufferPointer) throws -> [UInt8] {
    switch kind {
    case "header": return try PackHeader(decoding: bytes).encode()
    case "footer": return try PackFooter(decoding: bytes).encode()
    case "trailer": return try PackTrailer(decoding: bytes).encode()
    default:
      var slots: [BlockPayload.SlotRange] = []
      try BlockPayload.parse(bytes, into: &slots)
      return payload(slots.map { Array(bytes[$0.range]) })
    }
  }

  /// As a writer makes it: slots first, then the table before them.
  private func payload(_ slots: [[UInt8]]) -> [UInt8] {
    let lengths = slots.map { UInt32($0.count) }
    let room = BlockPayload.tableByteLimit(slots: slots.count)
    var buffer = [UInt8](repeating: 0xee, count: room) + slots.flatMap { $0 }
    let table = lengths.withUnsafeBufferPointer { lengths in
      buffer.withUnsafeMutableBytes {
        BlockPayload.writeTable(lengths, endingAt: $0.baseAddress! + room)
      }
    }
    #expect(buffer[..<(room - table)].allSatisfy { $0 == 0xee })
    return Array(buffer[(room - table)...])
  }

  @Test func blocksOfRandomSlotsComeBack() throws {
    var generator = SeededGenerator(seed: 1)
    var ranges: [BlockPayload.SlotRange] = []
    for _ in 0..<200 {
      let slots = (0..<Int.random(in: 1...40, using: &generator)).map { _ in
        generator.bytes(Int.random(in: 1...20_000, using: &generator) >> Int.random(in: 0...10) + 1)
      }.map { $0.isEmpty ? [0] : $0 }
      let bytes = payload(slots)
      try bytes.withUnsafeBytes { bytes in
        try BlockPayload.parse(bytes, into: &ranges)
        #expect(ranges.map { Array(bytes[$0.range]) } == slots)
      }
    }
  }

  @Test func slotCountsUpToTheBoundComeBack() throws {
    for count in [127, 128, 16_383, 16_384, PackLimits.slotsPerBlock] {
      let bytes = payload([[UInt8]](repeating: [9], count: count))
      var ranges: [BlockPayload.SlotRange] = []
      try bytes.withUnsafeBytes { try BlockPayload.parse($0, into: &ranges) }
      #expect(ranges.count == count)
      #expect(ranges.last?.range == bytes.count - 1..<bytes.count)
    }
    #expect(throws: VarveError(.damaged, "")) {
      var ranges: [BlockPayload.SlotRange] = []
      let bytes = payload([[UInt8]](repeating: [9], count: PackLimits.slotsPerBlock + 1))
      try bytes.withUnsafeBytes { try BlockPayload.parse($0, into: &ranges) }
    }
  }

  @Test func trailerMustFillThePack() throws {
    var trailer = PackTrailer()
    trailer.append(PackTrailer.Slot(address: .zero, length: 5))
    trailer.endBlock(storedLength: 100)
    trailer.append(PackTrailer.Slot(address: .zero, length: 5))
    trailer.append(PackTrailer.Slot(address: .zero, length: 6))
    trailer.endBlock(storedLength: 50)
    #expect(trailer.blocks.map(\.slots) == [0..<1, 1..<3])
    let footer = PackFooter(trailerLength: 77, blockCount: 2)
    try trailer.requireFits(footer: footer, packSize: 128 + 150 + 77 + 16)
    for size: UInt64 in [0, 370, 372, .max] {
      #expect(throws: VarveError(.damaged, "")) {
        try trailer.requireFits(footer: footer, packSize: size)
      }
    }
    #expect(throws: VarveError(.damaged, "")) {
      try trailer.requireFits(
        footer: PackFooter(trailerLength: 77, blockCount: 1), packSize: 371)
    }
  }

  @Test func bindingNamesRepositoryTypeAndOrdinal() {
    var binding = BlockBinding(repository: Digest(1, 2, 3, 4), type: .tree)
    binding.select(0x0102_0304)
    #expect(binding.nonce == [0, 0, 0, 0, 0, 0, 0, 0, 4, 3, 2, 1])
    let expected = Array("varve v1 block".utf8) + Digest(1, 2, 3, 4).bytes + [2, 4, 3, 2, 1]
    #expect(binding.associatedData == expected)
    binding.select(BlockBinding.trailerOrdinal)
    #expect(binding.nonce.suffix(4) == [255, 255, 255, 255])
    #expect(binding.associatedData.suffix(5) == [2, 255, 255, 255, 255])
  }
}
