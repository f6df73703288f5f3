import VarveFormat
import VarveRepository
import VarveTestSupport

extension ParserTarget {
  static let packTargets: [ParserTarget] = [
    ParserTarget(
      "pack-header", tokens: ["VARVEPAK"], seeds: { try packParts("header") },
      recode: { bytes in
        try bytes.withUnsafeBytes { try PackHeader(decoding: $0) }.encode()
          + bytes.dropFirst(PackHeader.byteCount)
      }),
    ParserTarget(
      "pack-footer", tokens: ["VARVEEND"], seeds: { try packParts("footer") },
      recode: { bytes in
        bytes.dropLast(PackFooter.byteCount)
          + (try bytes.withUnsafeBytes { try PackFooter(decoding: $0) }.encode())
      }),
    ParserTarget(
      "pack-trailer", seeds: { try packParts("trailer") },
      recode: { bytes in
        let trailer = try bytes.withUnsafeBytes { try PackTrailer(decoding: $0) }
        for block in trailer.blocks { use(trailer.slots[block.slots].count) }
        // An index is made of trailers, and must be right whatever they say.
        var builder = IndexSegmentBuilder()
        let least = PackHeader.byteCount + PackLimits.sealOverhead + 1 + PackFooter.byteCount
        let size = UInt64(least) + trailer.storedByteCount
        builder.add(IndexPack(name: Digest(1, 1, 1, 1), size: size, type: .data), trailer)
        try builder.finish().withUnsafeBytes { try IndexSegmentView($0).validate() }
        return trailer.encode()
      }),
    ParserTarget(
      "block-payload", seeds: { try packParts("block") + [[1, 1, 0], [2, 1, 2, 7, 8, 9]] },
      recode: { bytes in
        var slots: [BlockPayload.SlotRange] = []
        try bytes.withUnsafeBytes { bytes in
          try BlockPayload.parse(bytes, into: &slots)
          for slot in slots {
            use(bytes[slot.range].first)
          }
        }
        let lengths = slots.map(\.length)
        let limit = BlockPayload.tableByteLimit(slots: lengths.count)
        var table = [UInt8](repeating: 0, count: limit)
        let count = lengths.withUnsafeBufferPointer { lengths in
          table.withUnsafeMutableBytes {
            BlockPayload.writeTable(lengths, endingAt: $0.baseAddress! + limit)
          }
        }
        return Array(table.suffix(count)) + bytes.dropFirst(count)
      }),
    // A codec and a body. A short frame may state up to 65 MiB, and gets them, for as long as it is opened.
    ParserTarget(
      "frame", tokens: ["\u{28}\u{b5}\u{2f}\u{fd}"], allocationLimit: 72,
      seeds: {
        let texts: [[UInt8]] = [
          Array(repeating: Array("varve ".utf8), count: 50).flatMap { $0 }, Array(UInt8(0)...255),
          [7],
        ]
        let levels: [CompressionLevel] = [.auto, .off]
        return try levels.flatMap { level in
          let compressor = try BlockCompressor(level: level)
          return try texts.map { text -> [UInt8] in
            var room: [UInt8] = [0] + text
            return try room.withUnsafeMutableBytes {
              Array(
                try compressor.frame(
                  payloadWithHeadroom: UnsafeMutableRawBufferPointer(rebasing: $0[1...])))
            }
          }
        }
      },
      recode: { bytes in
        let decompressor = try BlockDecompressor()
        try bytes.withUnsafeBytes { frame in
          let length = try decompressor.payloadLength(of: frame)
          try require(length <= PackLimits.blockPayloadByteCount, "too long a payload")
          let room = try ReusableBuffer(capacity: max(1, length))
          defer { withExtendedLifetime(room) {} }
          let place = UnsafeMutableRawBufferPointer(start: room.base, count: length)
          try decompressor.decode(frame, into: place)
          let payload = UnsafeRawBufferPointer(place)
          var slots: [BlockPayload.SlotRange] = []
          if (try? BlockPayload.parse(payload, into: &slots)) != nil {
            for slot in slots { use(payload[slot.range].last) }
          }
          use(payload.last)
        }
        return nil
      }),
  ]

  private static func packParts(_ kind: String) throws -> [[UInt8]] {
    try VectorFile.records("pack-parts.txt").filter {
      try $0.text("kind") == kind && $0.text("result") == "ok"
    }.map { try $0.bytes("bytes") }
  }
}
