/// One attempt to place keys in a binary fuse filter: peel positions that only one key uses, then assign
/// fingerprints in the reverse order.
///
/// A position keeps the number of keys on it and the XOR of their hashes; when the number is one, the
/// XOR *is* the key's hash and the position is its own. Which of the three positions that was is found by
/// recomputing them. Per key: 8 bytes of order and 1 of place; per position (1.125 a key): 8 of hashes,
/// 4 of the queue and 1 of count.
struct FilterPeeling {
  private let geometry: BinaryFuseFilter.Geometry
  private let keyCount: Int
  private let positionCount: Int
  private var hashes: [UInt64]
  private var counts: [UInt8]

  init(geometry: BinaryFuseFilter.Geometry, keyCount: Int) {
    self.geometry = geometry
    self.keyCount = keyCount
    positionCount = Int(geometry.byteCount)
    hashes = [UInt64](repeating: 0, count: positionCount)
    counts = [UInt8](repeating: 0, count: positionCount)
  }

  /// - Returns: nil when the keys cannot be peeled under this seed.
  mutating func run(_ keys: some Collection<UInt64>) -> [UInt8]? {
    guard add(keys) else { return nil }
    let (order, places) = peel()
    guard order.count == keyCount else { return nil }
    return assign(order, places)
  }

  /// Adds every distinct key; false when a position is used by more keys than a byte counts.
  private mutating func add(_ keys: some Collection<UInt64>) -> Bool {
    // Grouped by the leading bits of their hashes, that is by segment, keys touch memory in order: at
    // 10^7 keys this halves the time.
    let bits = max(1, UInt64.bitWidth - (UInt64(geometry.segmentCount) - 1).leadingZeroBitCount)
    var starts = [Int](repeating: 0, count: 1 << bits + 1)
    BinaryFuseFilter.forEachHash(keys, geometry.seed) { starts[Int($0 >> (64 - bits)) + 1] += 1 }
    for index in 1..<starts.count { starts[index] += starts[index - 1] }
    var grouped = [UInt64](repeating: 0, count: keyCount)
    BinaryFuseFilter.forEachHash(keys, geometry.seed) { hash in
      let group = Int(hash >> (64 - bits))
      grouped[starts[group]] = hash
      starts[group] += 1
    }
    var overflow = false
    hashes.withUnsafeMutableBufferPointer { hashes in
      counts.withUnsafeMutableBufferPointer { counts in
        for hash in grouped {
          let (a, b, c) = BinaryFuseFilter.positions(hash, geometry)
          for position in CollectionOfThree(a, b, c) {
            hashes[position] ^= hash
            overflow = overflow || counts[position] == .max
            counts[position] = counts[position] &+ 1
          }
        }
      }
    }
    return !overflow
  }

  private mutating func peel() -> (order: [UInt64], places: [UInt8]) {
    var order: [UInt64] = []
    var places: [UInt8] = []
    order.reserveCapacity(keyCount)
    places.reserveCapacity(keyCount)
    var queue: [UInt32] = []
    queue.reserveCapacity(positionCount)
    for position in 0..<positionCount where counts[position] == 1 {
      queue.append(UInt32(position))
    }
    hashes.withUnsafeMutableBufferPointer { hashes in
      counts.withUnsafeMutableBufferPointer { counts in
        while let next = queue.popLast() {
          let position = Int(next)
          guard counts[position] == 1 else { continue }
          let hash = hashes[position]
          let (a, b, c) = BinaryFuseFilter.positions(hash, geometry)
          order.append(hash)
          places.append(position == a ? 0 : position == b ? 1 : 2)
          for other in CollectionOfThree(a, b, c) {
            hashes[other] ^= hash
            counts[other] = counts[other] &- 1
            if counts[other] == 1 { queue.append(UInt32(other)) }
          }
        }
      }
    }
    return (order, places)
  }

  private func assign(_ order: [UInt64], _ places: [UInt8]) -> [UInt8] {
    var fingerprints = [UInt8](repeating: 0, count: positionCount)
    fingerprints.withUnsafeMutableBufferPointer { filter in
      for index in order.indices.reversed() {
        let (a, b, c) = BinaryFuseFilter.positions(order[index], geometry)
        let own = places[index] == 0 ? a : places[index] == 1 ? b : c
        // The own position is still zero, so the XOR of all three is that of the other two.
        filter[own] =
          BinaryFuseFilter.fingerprint(order[index]) ^ filter[a] ^ filter[b] ^ filter[c]
      }
    }
    return fingerprints
  }
}

/// Three positions to loop over without an array.
private struct CollectionOfThree: Sequence, IteratorProtocol {
  private var rest: (Int, Int, Int)
  private var left = 3

  init(_ a: Int, _ b: Int, _ c: Int) { rest = (a, b, c) }

  @inline(__always)
  mutating func next() -> Int? {
    guard left > 0 else { return nil }
    left &-= 1
    defer { rest = (rest.1, rest.2, 0) }
    return rest.0
  }
}

extension BinaryFuseFilter {
  /// Calls `body` with the hash of each distinct key of an ascending collection.
  @inline(__always)
  fileprivate static func forEachHash(
    _ keys: some Collection<UInt64>, _ seed: UInt64, _ body: (UInt64) -> Void
  ) {
    var previous: UInt64?
    for key in keys where key != previous {
      body(mix(key, seed))
      previous = key
    }
  }
}
