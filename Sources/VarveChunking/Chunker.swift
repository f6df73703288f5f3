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
    cut(bytes, scanned: 0, isLast: true) ?? 0
  }

  /// The length of the first chunk of `bytes`, or nil when its end lies behind them.
  ///
  /// - Parameters:
  ///   - bytes: the data from the chunk's start, as far as it is known.
  ///   - scanned: how many of them a call before this one had.
  ///   - isLast: whether nothing follows `bytes`.
  /// - Complexity: O(bytes.count - max(scanned, min)).
  public func cut(_ bytes: UnsafeRawBufferPointer, scanned: Int, isLast: Bool) -> Int? {
    let end = Swift.min(bytes.count, parameters.max)
    let atEnd: Int? = isLast && end > 0 || end == parameters.max ? end : nil
    guard end > Swift.max(parameters.min, scanned), let bytes = bytes.baseAddress else {
      return atEnd
    }
    let start = bytes.assumingMemoryBound(to: UInt8.self)
    // h >> (64 - bits) == 0, as one comparison.
    let limit = UInt64.max / UInt64(parameters.target) + 1
    return withExtendedLifetime(table) {
      var from = parameters.min
      var hash: UInt64 = 0
      // 64 shifts push a byte out of the hash: the bytes before these do not count any more.
      if scanned >= from + 64 {
        from = scanned
        for place in scanned - 64..<scanned {
          hash = (hash &<< 1) &+ table.words[Int(start[place])]
        }
      }
      return Self.boundary(start + from, start + end, table.words, limit, hash).map { $0 - start }
        ?? atEnd
    }
  }

  /// Just behind the first byte from `start` on after which the hash, `hash` so far, is below `limit`.
  private static func boundary(
    _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ gear: UnsafePointer<UInt64>,
    _ limit: UInt64, _ hash: UInt64
  ) -> UnsafePointer<UInt8>? {
    let shifted = gear + GearTable.wordCount
    var cursor = start
    var hash = hash
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
    return nil
  }
}
