package import VarveFormat

/// Where the bytes of a file's chunks, taken one after another, lie between its holes
/// (docs/format.md, section 9).
package struct DataLayout: Sendable {
  /// For each hole, how many bytes of data and of holes come before its end.
  private let steps: [(data: UInt64, holes: UInt64)]
  package let holes: [Hole]
  /// Bytes of data.
  package let dataSize: UInt64

  /// - Parameter content: as decoded, so its holes ascend within its size.
  package init(_ content: FileContent) {
    var steps: [(data: UInt64, holes: UInt64)] = []
    var total: UInt64 = 0
    for hole in content.holes {
      steps.append((data: hole.offset - total, holes: total + hole.length))
      total += hole.length
    }
    self.steps = steps
    holes = content.holes
    dataSize = content.size - total
  }

  /// Calls `body` with each piece of the file that `length` bytes of data from `offset` on make:
  /// where it lies in the file and among those bytes. O(log holes + pieces).
  package func forEachPiece(
    at offset: UInt64, length: Int,
    _ body: (_ fileOffset: UInt64, _ range: Range<Int>) throws -> Void
  ) rethrows {
    // The first hole that begins behind `offset`.
    var low = 0
    var high = steps.count
    while low < high {
      let middle = (low + high) / 2
      if steps[middle].data <= offset { low = middle + 1 } else { high = middle }
    }
    var done = 0
    while done < length {
      let position = offset + UInt64(done)
      let skipped = low == 0 ? 0 : steps[low - 1].holes
      var count = length - done
      if low < steps.count { count = min(count, Int(clamping: steps[low].data - position)) }
      try body(position + skipped, done..<done + count)
      done += count
      low += 1
    }
  }
}
