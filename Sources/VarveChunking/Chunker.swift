/// Cuts data into chunks whose boundaries depend on the content alone (docs/format.md, section 6):
///
///     h := 0
///     for each byte b from offset min of the chunk on, up to offset max:
///         h := (h << 1) + G[b]   (mod 2^64)
///         if h >> (64 - bits) == 0: the chunk ends after b
///
/// The loop takes two bytes a step. With `LS[a] = G[a] << 1`, two steps of the hash are
/// `(h << 2) + (LS[a] + G[b])`, in which only a shift and an addition wait for the last `h`; the hash
/// after the first byte is computed beside it, so that a boundary there is seen too.
public struct Chunker: Sendable {
  public let parameters: ChunkerParameters
  private let table: GearTable

  public init(parameters: ChunkerParameters, table: GearTable) {
    self.parameters = parameters
    self.table = table
  }

  /// The length of the first chunk of `bytes`; 0 when there are none.
  ///
  /// - Parameter bytes: the data from the chunk's start: at least `parameters.max` bytes, or all that is
  ///   left.
  /// - Complexity: O(length - min); the first `min` bytes are not looked at.
  public func cut(_ bytes: UnsafeRawBufferPointer) -> Int {
    let end = Swift.min(bytes.count, parameters.max)
    guard end > parameters.min, let start = bytes.baseAddress else { return end }
    let data = start.assumingMemoryBound(to: UInt8.self)
    let gear = UnsafePointer(table.words)
    let shifted = gear + GearTable.wordCount
    // h >> (64 - bits) == 0, as one comparison.
    let limit = UInt64.max / UInt64(parameters.target) + 1
    return withExtendedLifetime(table) {
      var hash: UInt64 = 0
      var offset = parameters.min
      let even = offset + (end - offset) / 2 * 2
      while offset < even {
        let a = Int(data[offset])
        let b = Int(data[offset + 1])
        let first = (hash &<< 1) &+ gear[a]
        hash = (hash &<< 2) &+ (shifted[a] &+ gear[b])
        if first < limit { return offset + 1 }
        if hash < limit { return offset + 2 }
        offset += 2
      }
      if offset < end, (hash &<< 1) &+ gear[Int(data[offset])] < limit { return offset + 1 }
      return end
    }
  }
}
