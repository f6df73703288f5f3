import Testing
import VarveCrypto
import VarveFormat
import VarveTestSupport

@Suite struct SHA256Tests {
  private static func message(_ record: VectorFile.Record) throws -> [UInt8] {
    let part = try record.bytes("message")
    return try Array(repeatElement(part, count: record.integer("repeat")).joined())
  }

  @Test func vectorsAtOnce() throws {
    for record in try VectorFile.records("sha256.txt") {
      let expected = try Digest(record.bytes("digest"))
      #expect(try SHA256.digest(Self.message(record)) == expected, "\(record)")
    }
  }

  @Test(arguments: [1, 7, 63, 64, 65, 1 << 20])
  func vectorsInPieces(of size: Int) throws {
    let stream = SHA256Stream()
    for record in try VectorFile.records("sha256.txt") {
      let expected = try Digest(record.bytes("digest"))
      try Self.message(record).withUnsafeBytes { message in
        var rest = message[...]
        while !rest.isEmpty {
          stream.update(UnsafeRawBufferPointer(rebasing: rest.prefix(size)))
          rest = rest.dropFirst(size)
        }
      }
      #expect(stream.finish() == expected, "\(record)")
    }
  }

  @Test func twoPartsAreOneMessage() {
    let message = (0..<200).map { UInt8($0) }
    let whole = SHA256.digest(message)
    message.withUnsafeBytes { bytes in
      for split in 0...bytes.count {
        let digest = SHA256.digest(
          UnsafeRawBufferPointer(rebasing: bytes[..<split]),
          UnsafeRawBufferPointer(rebasing: bytes[split...]))
        #expect(digest == whole)
      }
      #expect(SHA256.digest(prefix: 9, bytes) == SHA256.digest([9] + message))
    }
    let left = SHA256.digest([1])
    let right = SHA256.digest([2])
    #expect(
      SHA256.digest(prefix: 1, left, right) == SHA256.digest([1] + left.bytes + right.bytes))
  }

  @Test func resetForgets() {
    let stream = SHA256Stream()
    [UInt8](repeating: 3, count: 100).withUnsafeBytes { stream.update($0) }
    stream.reset()
    #expect(stream.finish() == SHA256.digest([]))
  }
}
