import Testing
import Varve

@Suite struct PagedFormatTests {
  private func recognizes(_ bytes: [UInt8], at offset: Int, count: Int = 4096) -> Bool {
    var head = [UInt8](repeating: 0, count: count)
    for (index, byte) in bytes.enumerated() where offset + index < count {
      head[offset + index] = byte
    }
    return head.withUnsafeBytes { PagedFormat.recognizes($0) }
  }

  @Test func signaturesAtTheirPlaces() {
    let signatures: [(Int, [UInt8])] = [
      (0, Array("SQLite format 3\0".utf8)), (0, [0x51, 0x46, 0x49, 0xfb]), (0, Array("KDMV".utf8)),
      (0, Array("COWD".utf8)), (0, Array("vhdxfile".utf8)), (64, [0x7f, 0x10, 0xda, 0xbe]),
      (16, [0xef, 0xbe, 0xc0, 0xde]), (12, [0x62, 0x31, 0x05, 0]), (12, [0x61, 0x15, 0x06, 0]),
      (1080, [0x53, 0xef]), (0, Array("XFSB".utf8)),
    ]
    for (offset, bytes) in signatures {
      #expect(recognizes(bytes, at: offset))
      #expect(!recognizes(bytes, at: offset + 1))
      // One that is wrong in its last byte.
      #expect(!recognizes(bytes.dropLast() + [0x99], at: offset))
      // A file that ends in the middle of it.
      #expect(!recognizes(bytes, at: offset, count: offset + bytes.count - 1))
      #expect(recognizes(bytes, at: offset, count: offset + bytes.count))
    }
    #expect(![UInt8]().withUnsafeBytes { PagedFormat.recognizes($0) })
  }

  @Test func aBootSectorNeedsAPartition() {
    #expect(!recognizes([0x55, 0xaa], at: 510))
    let entry: [UInt8] = [0x80, 0, 2, 0, 0x83, 255, 255, 255, 0, 8, 0, 0, 0, 16, 0, 0]
    for number in 0..<4 {
      let rest = [UInt8](repeating: 0, count: 48 - 16 * number)
      #expect(recognizes(entry + rest + [0x55, 0xaa], at: 446 + 16 * number))
      // Neither active nor inactive; no type; no sectors.
      for (place, value) in [(0, UInt8(0x17)), (4, 0), (13, 0)] {
        var wrong = entry
        wrong[place] = value
        #expect(!recognizes(wrong + rest + [0x55, 0xaa], at: 446 + 16 * number))
      }
    }
  }
}
