import Testing
import Varve
import VarveFormat
import VarveTestSupport

@Suite struct DataLayoutTests {
  @Test func piecesFallBetweenTheHoles() {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<200 {
      var holes: [Hole] = []
      var position: UInt64 = 0
      for index in 0..<Int.random(in: 1...6, using: &random) {
        position += UInt64.random(in: index == 0 ? 0...9 : 1...9, using: &random)
        let length = UInt64.random(in: 1...9, using: &random)
        holes.append(Hole(offset: position, length: length))
        position += length
      }
      let size = position + UInt64.random(in: 0...9, using: &random)
      // By definition: the offsets that lie in no hole, in order.
      let offsets = (0..<size).filter { offset in
        !holes.contains { $0.offset <= offset && offset < $0.end }
      }
      let layout = DataLayout(
        FileContent(size: size, form: .chunks([]), holes: holes, digest: .zero))
      #expect(layout.dataSize == UInt64(offsets.count))
      for start in offsets.indices {
        let length = Int.random(in: 1...(offsets.count - start), using: &random)
        var found: [UInt64] = []
        layout.forEachPiece(at: UInt64(start), length: length) { offset, range in
          #expect(range.lowerBound == found.count)
          for index in range.indices { found.append(offset + UInt64(index - range.lowerBound)) }
        }
        #expect(found == Array(offsets[start..<start + length]))
      }
    }
  }

  @Test func blocksOfZerosAreLeftOut() {
    var random = SeededGenerator(seed: 4)
    for _ in 0..<100 {
      let offset = UInt64.random(in: 0...10_000, using: &random)
      var bytes = [UInt8](repeating: 0, count: Int.random(in: 0...40_000, using: &random))
      for _ in 0..<Int.random(in: 0...4, using: &random) where !bytes.isEmpty {
        bytes[Int.random(in: bytes.indices, using: &random)] = 1
      }
      var written = [Bool](repeating: false, count: bytes.count)
      bytes.withUnsafeBytes { all in
        ZeroRuns.forEachOther(all, at: offset) { position, piece in
          let start = Int(position - offset)
          #expect(piece.elementsEqual(all[start..<start + piece.count]))
          for index in start..<start + piece.count { written[index] = true }
        }
      }
      #expect(bytes.indices.allSatisfy { written[$0] || bytes[$0] == 0 })
      // Every block of zeros is left out, and of others nothing.
      var block = Int((4_096 - offset % 4_096) % 4_096)
      while block + 4_096 <= bytes.count {
        let isZero = bytes[block..<block + 4_096].allSatisfy { $0 == 0 }
        #expect(isZero == written[block..<block + 4_096].allSatisfy { !$0 })
        block += 4_096
      }
    }
    #expect([UInt8](repeating: 0, count: 100).withUnsafeBytes { ZeroRuns.isZero($0) })
    #expect(![0, 0, 1].withUnsafeBytes { ZeroRuns.isZero($0) })
    #expect(![UInt8]([1]).withUnsafeBytes { ZeroRuns.isZero($0) })
  }
}
