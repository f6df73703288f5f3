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

  /// Two messages whose block boundaries lie apart in every way, against one at a time.
  @Test func pairsAreTheSameAsSingles() {
    let bytes = SecureRandom.bytes(5000)
    bytes.withUnsafeBytes { bytes in
      for offset in [0, 1, 3, 63, 64, 65] {
        for count in [0, 1, 55, 56, 63, 64, 65, 127, 128, 129, 1000, 4096] {
          for other in [0, 1, 64, 100, 4096, 4900] {
            let first = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
            let second = UnsafeRawBufferPointer(rebasing: bytes[..<other])
            let (one, two) = SHA256Pair.digests(first, second)
            #expect(one == SHA256.digest(first) && two == SHA256.digest(second))
          }
        }
      }
    }
  }

  @Test(arguments: [1, 63, 64, 65, 127, 1000, 4097])
  func aStreamDigestsItsPieces(of size: Int) {
    let bytes = SecureRandom.bytes(20_000)
    let stream = SHA256Stream()
    bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(size))
        #expect(stream.digest(takingIn: piece) == SHA256.digest(piece))
        rest = rest.dropFirst(size)
      }
    }
    #expect(stream.finish() == SHA256.digest(bytes))
  }

  /// Lengths are counted in two words of 32 bits each: 512 MiB fill the lower one.
  @Test func lengthsCarry() {
    let piece = [UInt8](repeating: 7, count: 64 << 20)
    let paired = SHA256Stream()
    let single = SHA256Stream()
    piece.withUnsafeBytes { piece in
      for _ in 0..<9 {
        _ = paired.digest(takingIn: piece)
        single.update(piece)
      }
    }
    #expect(paired.finish() == single.finish())
  }

  @Test func resetForgets() {
    let stream = SHA256Stream()
    [UInt8](repeating: 3, count: 100).withUnsafeBytes { stream.update($0) }
    stream.reset()
    #expect(stream.finish() == SHA256.digest([]))
  }

  /// Any number of messages of any lengths, in any order.
  @Test func lanesAreTheSameAsSingles() {
    var random = SeededGenerator(seed: 256)
    let bytes = random.bytes(40_000)
    let lanes = SHA256Lanes()
    bytes.withUnsafeBytes { bytes in
      for round in 0..<600 {
        lanes.removeAll()
        var expected: [Digest] = []
        for _ in 0..<round % 50 {
          let longest = [1, 64, 200, 5_000, 40_000][Int.random(in: 0..<5, using: &random)]
          let count = Int.random(in: 0...longest, using: &random)
          let start = Int.random(in: 0...bytes.count - count, using: &random)
          let message = UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
          lanes.add(message)
          expected.append(SHA256.digest(message))
        }
        lanes.run()
        #expect(lanes.count == expected.count)
        #expect((0..<lanes.count).map { lanes[$0] } == expected, "round \(round)")
      }
    }
  }

  /// Streams that go on in pieces of any length, beside messages, whichever way they are computed.
  @Test func lanesTakeStreamsFurther() {
    var random = SeededGenerator(seed: 257)
    let bytes = random.bytes(60_000)
    let lanes = SHA256Lanes()
    bytes.withUnsafeBytes { bytes in
      for round in 0..<300 {
        let streams = (0..<round % 9).map { _ in SHA256Stream() }
        var places = streams.map { _ in 0 }
        for _ in 0..<4 {
          lanes.removeAll()
          var expected: [Digest] = []
          for _ in 0..<Int.random(in: 0...20, using: &random) {
            let count = Int.random(
              in: 0...[70, 9_000][Int.random(in: 0...1, using: &random)], using: &random)
            let message = UnsafeRawBufferPointer(rebasing: bytes[..<count])
            lanes.add(message)
            expected.append(SHA256.digest(message))
          }
          for (number, stream) in streams.enumerated() {
            let longest = [0, 1, 63, 64, 130, 15_000][Int.random(in: 0..<6, using: &random)]
            let end = places[number] + Int.random(in: 0...longest, using: &random)
            lanes.add(UnsafeRawBufferPointer(rebasing: bytes[places[number]..<end]), to: stream)
            places[number] = end
          }
          lanes.run()
          #expect((0..<lanes.count).map { lanes[$0] } == expected, "round \(round)")
        }
        for (number, stream) in streams.enumerated() {
          let whole = UnsafeRawBufferPointer(rebasing: bytes[..<places[number]])
          #expect(stream.finish() == SHA256.digest(whole), "round \(round)")
        }
      }
    }
  }

  /// Every length around the ends of blocks, all at once.
  @Test func lanesPadEveryLength() {
    let bytes = SecureRandom.bytes(400)
    let lanes = SHA256Lanes()
    bytes.withUnsafeBytes { bytes in
      for count in 0...bytes.count { lanes.add(UnsafeRawBufferPointer(rebasing: bytes[..<count])) }
      lanes.run()
      for count in 0...bytes.count {
        #expect(lanes[count] == SHA256.digest(UnsafeRawBufferPointer(rebasing: bytes[..<count])))
      }
    }
  }
}
