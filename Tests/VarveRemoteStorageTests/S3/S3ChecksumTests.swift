import Testing
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveTestSupport

@Suite struct S3ChecksumTests {
  /// The check values that the catalogues of such codes have: over the digits 1 to 9.
  @Test func checkValues() {
    let digits = Array("123456789".utf8)
    digits.withUnsafeBytes { bytes in
      #expect(CyclicRedundancyCheck.crc32c.value(of: bytes) == 0xe306_9283)
      #expect(CyclicRedundancyCheck.crc64nvme.value(of: bytes) == 0xae8b_1486_0a79_9888)
      #expect(Hex.encode(MD5.digest(bytes)) == "25f9e794323b453885f5181f1b624d0b")
    }
  }

  /// Eight bytes at a time give the same as one at a time, at every length and alignment.
  @Test func everyLength() {
    var random = SeededGenerator(seed: 1)
    let bytes = random.bytes(100)
    func slow(_ bytes: some Sequence<UInt8>, _ polynomial: UInt64, _ ones: UInt64) -> UInt64 {
      var register = ones
      for byte in bytes {
        register ^= UInt64(byte)
        for _ in 0..<8 { register = register & 1 == 1 ? register >> 1 ^ polynomial : register >> 1 }
      }
      return register ^ ones
    }
    bytes.withUnsafeBytes { all in
      for start in 0..<9 {
        for end in start...all.count {
          let part = UnsafeRawBufferPointer(rebasing: all[start..<end])
          #expect(
            CyclicRedundancyCheck.crc32c.value(of: part) == slow(part, 0x82f6_3b78, 0xffff_ffff))
          #expect(
            CyclicRedundancyCheck.crc64nvme.value(of: part)
              == slow(part, 0x9a6c_9329_ac4b_c9b5, .max))
        }
      }
    }
  }
}
