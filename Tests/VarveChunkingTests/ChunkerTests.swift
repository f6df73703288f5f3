import Testing
import VarveChunking
import VarveCrypto
import VarveFormat
import VarveTestSupport

/// The loop of docs/format.md, section 6, one byte at a time.
func referenceCut(_ data: ArraySlice<UInt8>, _ words: [UInt64], _ sizes: ChunkerParameters) -> Int {
  let bits = UInt64(sizes.target.trailingZeroBitCount)
  let bytes = Array(data.prefix(sizes.max))
  var hash: UInt64 = 0
  for offset in bytes.indices.dropFirst(sizes.min) {
    hash = (hash << 1) &+ words[Int(bytes[offset])]
    if hash >> (64 - bits) == 0 { return offset + 1 }
  }
  return bytes.count
}

@Suite struct ChunkerTests {
  private static let words = GearKeySchedule.words(
    chunkerKey: SecretBytes(copying: [UInt8](0..<32)))

  static func lengths(_ data: [UInt8], _ sizes: ChunkerParameters, _ words: [UInt64]) -> [Int] {
    let chunker = Chunker(parameters: sizes, table: GearTable(words: words))
    return data.withUnsafeBytes { data in
      var lengths: [Int] = []
      var rest = data[...]
      while !rest.isEmpty {
        let length = chunker.cut(UnsafeRawBufferPointer(rebasing: rest))
        guard length > 0 else { return lengths + [0] }
        lengths.append(length)
        rest = rest.dropFirst(length)
      }
      return lengths
    }
  }

  static func sample(_ kind: String, _ count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var number: UInt64 = 0
    while bytes.count < count {
      switch kind {
      case "counter":
        bytes += withUnsafeBytes(of: number.littleEndian) { SHA256.digest($0).bytes }
      case "zero": bytes.append(0)
      case "cycle": bytes.append(UInt8(number % 251))
      case "lines": bytes += Array("line \(number)\n".utf8)
      default: throw VectorFile.Malformed(description: "no data named \(kind)")
      }
      number += 1
    }
    return Array(bytes.prefix(count))
  }

  @Test func vectors() throws {
    for record in try VectorFile.records("gear-cuts.txt") {
      let sizes = try ChunkerParameters(
        min: record.integer("min"), target: record.integer("target"), max: record.integer("max"))
      let words = GearKeySchedule.words(
        chunkerKey: SecretBytes(copying: try record.bytes("key")))
      let data = try Self.sample(record.text("data"), record.integer("count"))
      let expected = try record.text("lengths").split(separator: " ").map { Int($0) }
      #expect(Self.lengths(data, sizes, words) == expected, "\(record)")
    }
  }

  static let sizes: [(Int, Int, Int)] = [
    (4096, 1024, 5120), (4096, 1024, 65536), (4097, 1024, 5121), (4097, 2048, 9000),
    (5000, 4096, 64 << 20), (8191, 8192, 16383), (65536, 4096, 69632), (4096, 65536, 1 << 20),
    (4096, 16 << 20, 64 << 20),
  ]

  @Test(arguments: ["counter", "zero", "cycle", "lines"], sizes)
  func sameAsThePlainLoop(_ kind: String, _ numbers: (Int, Int, Int)) throws {
    let sizes = try ChunkerParameters(min: numbers.0, target: numbers.1, max: numbers.2)
    let data = try Self.sample(kind, 400_003)
    let lengths = Self.lengths(data, sizes, Self.words)
    var start = 0
    for length in lengths {
      #expect(length == referenceCut(data[start...], Self.words, sizes))
      start += length
    }
    #expect(start == data.count)
    #expect(lengths.dropLast().allSatisfy { (sizes.min + 1...sizes.max).contains($0) })
  }

  @Test func boundariesAfterEitherByteOfAPair() throws {
    let sizes = try ChunkerParameters(min: 4096, target: 1024, max: 65536)
    let lengths = Self.lengths(try Self.sample("counter", 400_000), sizes, Self.words)
    #expect(lengths.count { $0 % 2 == 0 } > 10)
    #expect(lengths.count { $0 % 2 == 1 } > 10)
  }

  @Test func dataThatEndAnywhere() throws {
    let sizes = try ChunkerParameters(min: 4096, target: 4096, max: 8192)
    let data = try Self.sample("counter", 8200)
    let counts = Array(0...3) + Array(4094...4100) + Array(8189...8200)
    let whole = referenceCut(data[...], Self.words, sizes)
    for count in counts + [whole - 1, whole, whole + 1] {
      let chunker = Chunker(parameters: sizes, table: GearTable(words: Self.words))
      // A copy of exactly that length, so that a read past the end is a read past an allocation.
      let length = Array(data[..<count]).withUnsafeBytes { chunker.cut($0) }
      #expect(length == referenceCut(data[..<count], Self.words, sizes))
    }
    let chunker = Chunker(parameters: sizes, table: GearTable(words: Self.words))
    #expect(chunker.cut(UnsafeRawBufferPointer(start: nil, count: 0)) == 0)
  }

  @Test(arguments: ["counter", "lines"], [1, 37, 64, 65, 1000, 4096, 5000])
  func dataThatComeInPiecesAreCutAlike(_ kind: String, _ piece: Int) throws {
    let sizes = try ChunkerParameters(min: 4096, target: 2048, max: 9000)
    let chunker = Chunker(parameters: sizes, table: GearTable(words: Self.words))
    let data = try Self.sample(kind, 60_000)
    var start = 0
    data.withUnsafeBytes { data in
      while start < data.count {
        var known = 0
        var length: Int?
        repeat {
          let scanned = known
          known = min(known + piece, data.count - start)
          length = chunker.cut(
            UnsafeRawBufferPointer(rebasing: data[start..<start + known]), scanned: scanned,
            isLast: start + known == data.count)
        } while length == nil
        #expect(length == chunker.cut(UnsafeRawBufferPointer(rebasing: data[start...])))
        start += length ?? data.count
      }
    }
    #expect(
      chunker.cut(UnsafeRawBufferPointer(start: nil, count: 0), scanned: 0, isLast: true) == nil)
  }

  @Test func anInsertionChangesOnlyChunksNearIt() throws {
    let sizes = try ChunkerParameters(min: 4096, target: 4096, max: 65536)
    let data = try Self.sample("counter", 1 << 20)
    func ends(_ data: [UInt8]) -> Set<Int> {
      var end = 0
      // Counted from the data's end, so that an insertion does not shift them.
      return Set(
        Self.lengths(data, sizes, Self.words).map { length in
          end += length
          return data.count - end
        })
    }
    let before = ends(data)
    let after = ends([1, 2, 3] + data)
    #expect(before.count > 100)
    #expect(before.intersection(after).count > before.count * 8 / 10)
  }

  @Test func meanLengthOfRandomData() throws {
    let sizes = try ChunkerParameters(min: 4096, target: 4096, max: 1 << 20)
    let lengths = Self.lengths(try Self.sample("counter", 4 << 20), sizes, Self.words)
    let mean = lengths.reduce(0, +) / lengths.count
    #expect((7400...9000).contains(mean))
  }

  @Test(arguments: [
    (4095, 4096, 65536), (0, 4096, 65536), (-1, 4096, 65536), (.min, 4096, 65536),
    (.max, 4096, 65536), (.max, 4096, .max), (4096, 512, 65536), (4096, 0, 65536),
    (4096, -4096, 65536), (4096, .min, 65536), (4096, 3000, 65536), (4096, 32 << 20, 64 << 20),
    (4096, .max, .max), (4096, 4096, 8191), (4096, 4096, 0), (4096, 4096, .min),
    (4096, 4096, 64 << 20 + 1), (4096, 4096, .max), (64 << 20, 1024, 64 << 20),
  ])
  func hostileParametersAreRefused(min: Int, target: Int, max: Int) {
    #expect(throws: VarveError(.damaged, "")) {
      _ = try ChunkerParameters(min: min, target: target, max: max)
    }
  }

  @Test(arguments: [
    (4096, 1024, 5120), (512 << 10, 512 << 10, 8 << 20), (48 << 20, 16 << 20, 64 << 20),
  ])
  func boundsThemselvesAreAllowed(min: Int, target: Int, max: Int) throws {
    let sizes = try ChunkerParameters(min: min, target: target, max: max)
    #expect((sizes.min, sizes.target, sizes.max) == (min, target, max))
  }

  @Test func standard() throws {
    let same = try ChunkerParameters(min: 512 << 10, target: 512 << 10, max: 8 << 20)
    #expect(ChunkerParameters.standard == same)
  }
}
