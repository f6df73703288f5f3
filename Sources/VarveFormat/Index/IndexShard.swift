/// Rows in memory that ascend by address, with the fan-out and the filter that find one among them.
///
/// An index segment is one shard; a local run has one for each range of addresses. A look-up asks the
/// filter (a miss ends there 255 times of 256), takes the bucket from the fan-out and guesses the place in
/// it from the next bits of the address, since addresses are uniform. It touches three cache lines of the
/// filter, one of the fan-out and one or two of the rows, and allocates nothing.
///
/// The bytes are borrowed and may be hostile: a wrong fan-out makes rows unfindable, and nothing worse.
package struct IndexShard: @unchecked Sendable {
  package let rows: UnsafeRawPointer
  package let rowCount: Int
  private let fanOut: UnsafeRawPointer
  private let fanOutBits: UInt64
  /// Leading bits that all addresses of the shard share.
  private let skippedBits: UInt64
  private let filter: UnsafeRawPointer
  private let geometry: BinaryFuseFilter.Geometry?

  /// - Parameters:
  ///   - rows: `rowCount` rows of 40 bytes.
  ///   - fanOut: `2^fanOutBits + 1` numbers of 4 bytes.
  ///   - filter: the bytes of a valid `geometry`; nil for no filter.
  package init(
    rows: UnsafeRawPointer, rowCount: Int, fanOut: UnsafeRawPointer, fanOutBits: Int,
    skippedBits: Int, filter: UnsafeRawPointer, geometry: BinaryFuseFilter.Geometry?
  ) {
    self.rows = rows
    self.rowCount = rowCount
    self.fanOut = fanOut
    self.fanOutBits = UInt64(fanOutBits)
    self.skippedBits = UInt64(skippedBits)
    self.filter = filter
    self.geometry = geometry
  }

  /// False for most addresses that no row has, never for one that a row has.
  @inline(__always)
  package func mayContain(_ address: Digest) -> Bool {
    guard let geometry else { return true }
    return BinaryFuseFilter.mayContain(address.prefix64, geometry, filter)
  }

  /// The number of the first row with that address, after the filter has been asked.
  package func find(_ address: Digest) -> Int? {
    mayContain(address) ? firstIndex(of: address) : nil
  }

  /// The number of the first row with that address.
  package func firstIndex(of address: Digest) -> Int? {
    let prefix = address.prefix64
    let rest = prefix << skippedBits
    let bucket = fanOutBits == 0 ? 0 : Int(truncatingIfNeeded: rest >> (64 - fanOutBits))
    var low = min(start(of: bucket), rowCount)
    var high = min(start(of: bucket + 1), rowCount)
    while high - low > 32 {
      let middle = (low + high) / 2
      if self.prefix(at: middle) < prefix { low = middle + 1 } else { high = middle }
      // Rows of equal prefix may lie from `high` on as well; the scan below goes past it.
    }
    guard low <= high else { return nil }
    var index = low
    if high > low {
      let fraction = (rest << fanOutBits).multipliedFullWidth(by: UInt64(high - low)).high
      index = low + Int(truncatingIfNeeded: fraction)
    }
    while index > low, self.prefix(at: index - 1) >= prefix { index -= 1 }
    while index < rowCount {
      let found = self.prefix(at: index)
      if found > prefix { return nil }
      if found == prefix, Digest(loading: rows + index * IndexRow.byteCount) == address {
        return index
      }
      index += 1
    }
    return nil
  }

  /// - Precondition: `0 ..< rowCount` contains `index`.
  package func row(at index: Int) -> IndexRow {
    IndexRow(loading: rows + index * IndexRow.byteCount)
  }

  @inline(__always)
  private func start(of bucket: Int) -> Int {
    Int(UInt32(littleEndian: (fanOut + bucket * 4).loadUnaligned(as: UInt32.self)))
  }

  @inline(__always)
  private func prefix(at index: Int) -> UInt64 {
    UInt64(bigEndian: (rows + index * IndexRow.byteCount).loadUnaligned(as: UInt64.self))
  }
}
