/// Sorts index rows by address: scatter by leading bits, then sort each bucket.
///
/// Addresses are uniform, so a bucket has 8 to 16 rows and insertion finishes it in cache. Rows whose
/// leading bits somebody chose to be equal end up in one bucket, which is then sorted in O(n log n).
enum IndexRowSort {
  /// Makes the rows ascend by address; of several with one address the one with the lowest location
  /// stays.
  static func sortAndRemoveRepeats(_ rows: inout [IndexRow]) {
    if !isSorted(rows) { scatter(&rows) }
    removeRepeats(&rows)
  }

  private static func isSorted(_ rows: [IndexRow]) -> Bool {
    for index in 1..<max(1, rows.count) where rows[index] < rows[index - 1] {
      return false
    }
    return true
  }

  /// Swaps each row into the next free place of its bucket until all are in theirs: nothing but the
  /// buckets' bounds is allocated.
  private static func scatter(_ rows: inout [IndexRow]) {
    let bits = UInt64(max(1, IndexSegmentLayout.fanOutBits(rowCount: rows.count)))
    let shift = 64 - bits
    var starts = [Int](repeating: 0, count: 1 << bits + 1)
    for index in rows.indices { starts[Int(rows[index].address.prefix64 >> shift) + 1] += 1 }
    for index in 1..<starts.count { starts[index] += starts[index - 1] }
    var free = starts
    rows.withUnsafeMutableBufferPointer { buffer in
      for bucket in 0..<starts.count - 1 {
        while free[bucket] < starts[bucket + 1] {
          var row = buffer[free[bucket]]
          var own = Int(row.address.prefix64 >> shift)
          while own != bucket {
            swap(&row, &buffer[free[own]])
            free[own] += 1
            own = Int(row.address.prefix64 >> shift)
          }
          buffer[free[bucket]] = row
          free[bucket] += 1
        }
        sort(&buffer, starts[bucket], starts[bucket + 1])
      }
    }
  }

  private static func sort(
    _ rows: inout UnsafeMutableBufferPointer<IndexRow>, _ low: Int, _ high: Int
  ) {
    guard high - low > 1 else { return }
    guard high - low <= 64 else {
      rows[low..<high].sort()
      return
    }
    for index in low + 1..<high {
      let row = rows[index]
      var place = index
      while place > low, row < rows[place - 1] {
        rows[place] = rows[place - 1]
        place -= 1
      }
      rows[place] = row
    }
  }

  private static func removeRepeats(_ rows: inout [IndexRow]) {
    var kept = 0
    for index in rows.indices where kept == 0 || rows[index].address != rows[kept - 1].address {
      if kept != index { rows[kept] = rows[index] }
      kept += 1
    }
    rows.removeSubrange(kept...)
  }
}
