// Cyclic redundancy checks that read bits from the low end (RFC 3720, section 12.1, for CRC-32C; NVM Express, "64b CRC"):
//
//     start and end     all ones are exclusive-ored to the register
//     each byte         register = table[0][(register ^ byte) & 255] ^ register >> 8
//     eight at once     table[k][b] is what b becomes when k more zero bytes follow it ("slicing by eight")
//
// A register of 32 bits is the low half of one of 64: the same steps hold.

/// A checksum against accidents on the way, by its table.
package struct CyclicRedundancyCheck: Sendable {
  /// CRC-32C (Castagnoli).
  package static let crc32c = CyclicRedundancyCheck(reflected: 0x82f6_3b78, ones: 0xffff_ffff)
  /// CRC-64/NVME.
  package static let crc64nvme = CyclicRedundancyCheck(
    reflected: 0x9a6c_9329_ac4b_c9b5, ones: .max)

  /// Eight tables of 256 words.
  private let table: [UInt64]
  private let ones: UInt64

  private init(reflected polynomial: UInt64, ones: UInt64) {
    self.ones = ones
    var table: [UInt64] = (0..<256).map { byte in
      (0..<8).reduce(UInt64(byte)) { value, _ in
        value & 1 == 1 ? value >> 1 ^ polynomial : value >> 1
      }
    }
    for row in 1..<8 {
      for byte in 0..<256 {
        let before = table[(row - 1) * 256 + byte]
        table.append(before >> 8 ^ table[Int(before & 255)])
      }
    }
    self.table = table
  }

  /// O(n); about a nanosecond a byte.
  package func value(of bytes: UnsafeRawBufferPointer) -> UInt64 {
    table.withUnsafeBufferPointer { table in
      var register = ones
      var offset = 0
      while bytes.count - offset >= 8 {
        let word =
          register
          ^ UInt64(
            littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        var next: UInt64 = 0
        for place in 0..<8 {
          next ^= table[(7 - place) * 256 + Int(word >> UInt64(8 * place) & 255)]
        }
        register = next
        offset += 8
      }
      while offset < bytes.count {
        register = table[Int((register ^ UInt64(bytes[offset])) & 255)] ^ register >> 8
        offset += 1
      }
      return register ^ ones
    }
  }
}
