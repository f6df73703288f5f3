/// Cuts data into chunks whose boundaries depend on the content alone (docs/format.md, section 6):
///
///     h := 0
///     for each byte b from offset min of the chunk on, up to offset max:
///         h := (h << 1) + G[b]   (mod 2^64)
///         if h >> (64 - bits) == 0: the chunk ends after b
///
/// The loop takes two bytes a step. With `LS[a] = G[a] << 1`, two steps of the hash are
/// `(h << 2) + (LS[a] + G[b])`, in which only a shift and an addition wait for the last `h`; the hash
/// after the first byte is computed beside it, so that a boundary there is seen too. The parenthesis
/// is computed one step ahead and carried over, or the optimizer would add its parts to `h` one by one
/// (which costs a third of the speed).
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
    guard end > parameters.min, let bytes = bytes.baseAddress else { return end }
    let start = bytes.assumingMemoryBound(to: UInt8.self)
    // h >> (64 - bits) == 0, as one comparison.
    let limit = UInt64.max / UInt64(parameters.target) + 1
    return withExtendedLifetime(table) {
      Self.boundary(start + parameters.min, start + end, table.words, limit) - start
    }
  }

  /// Just behind the first byte from `start` on after which the hash is below `limit`, else `end`.
  private static func boundary(
    _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ gear: UnsafePointer<UInt64>,
    _ limit: UInt64
  ) -> UnsafePointer<UInt8> {
    let shifted = gear + GearTable.wordCount
    var cursor = start
    var hash: UInt64 = 0
    if end - cursor >= 4 {
      var one = gear[Int(cursor[0])]
      var two = shifted[Int(cursor[0])] &+ gear[Int(cursor[1])]
      repeat {
        let afterOne = (hash &<< 1) &+ one
        hash = (hash &<< 2) &+ two
        let a = Int(cursor[2])
        let b = Int(cursor[3])
        one = gear[a]
        two = shifted[a] &+ gear[b]
        if afterOne < limit { return cursor + 1 }
        if hash < limit { return cursor + 2 }
        cursor += 2
      } while end - cursor >= 4
    }
    while cursor < end {
      hash = (hash &<< 1) &+ gear[Int(cursor[0])]
      cursor += 1
      if hash < limit { return cursor }
    }
    return end
  }
}
