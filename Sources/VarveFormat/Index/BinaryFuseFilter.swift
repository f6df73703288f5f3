import Glibc

/// A 3-wise binary fuse filter with 8-bit fingerprints over 64-bit keys (T. M. Graf and D. Lemire,
/// "Binary Fuse Filters: Fast and Smaller Than Xor Filters", 2022, arXiv:2201.01174).
///
/// ```
/// h         := murmur64(key + seed)       murmur64: h ^= h >> 33; h *= ff51afd7ed558ccd; h ^= h >> 33;
///                                                   h *= c4ceb9fe1a85ec53; h ^= h >> 33
/// p0        := (h * (segment-count * segment-length)) >> 64
/// p1        := (p0 + segment-length)     xor ((h >> 18) mod segment-length)
/// p2        := (p0 + 2 * segment-length) xor (h mod segment-length)
/// present   := filter[p0] xor filter[p1] xor filter[p2] == low 8 bits of (h xor (h >> 32))
/// ```
/// `segment-length` is a power of two and the filter has `(segment-count + 2) * segment-length` bytes:
/// 1.125 bytes a key when there are many. A key that was not added is reported present once in 256.
///
/// Construction peels the hypergraph in which a key is the edge of its three positions. It takes 23
/// bytes a key while it runs. Seeds are tried from a fixed splitmix64 sequence, so equal keys always
/// give equal bytes.
public struct BinaryFuseFilter {
  /// The numbers that a reader needs besides the fingerprints.
  public struct Geometry: Equatable, Sendable {
    public let seed: UInt64
    public let segmentLength: UInt32
    public let segmentCount: UInt32

    public init(seed: UInt64, segmentLength: UInt32, segmentCount: UInt32) {
      self.seed = seed
      self.segmentLength = segmentLength
      self.segmentCount = segmentCount
    }

    /// Bytes of the filter.
    public var byteCount: UInt64 { (UInt64(segmentCount) + 2) * UInt64(segmentLength) }

    /// Whether every position lies in a filter of `byteCount` bytes.
    public var isValid: Bool {
      segmentLength.nonzeroBitCount == 1 && segmentLength <= 1 << 18 && segmentCount > 0
        && byteCount <= 1 << 32
    }
  }

  static let segmentLengthLimit = 1 << 18
  private static let attempts = 100

  public let geometry: Geometry
  public let fingerprints: [UInt8]

  /// Whether `key` may be among the keys; never false for one that is.
  ///
  /// - Parameter fingerprints: at least `geometry.byteCount` bytes of a valid geometry.
  @inline(__always)
  public static func mayContain(
    _ key: UInt64, _ geometry: Geometry, _ fingerprints: UnsafeRawPointer
  ) -> Bool {
    let hash = mix(key, geometry.seed)
    let (a, b, c) = positions(hash, geometry)
    let found =
      fingerprints.load(fromByteOffset: a, as: UInt8.self)
      ^ fingerprints.load(fromByteOffset: b, as: UInt8.self)
      ^ fingerprints.load(fromByteOffset: c, as: UInt8.self)
    return found == fingerprint(hash)
  }

  /// Builds the filter of `keys`, which ascend; equal ones count once.
  ///
  /// - Returns: nil when there are no keys, or too many, or no seed of the sequence fits (which does not
  ///   happen: each has a chance of more than one half). O(n).
  public init?(ascending keys: some Collection<UInt64>) {
    var distinct = 0
    var previous: UInt64?
    for key in keys where key != previous {
      distinct += 1
      previous = key
    }
    guard distinct > 0, distinct < 1 << 31 else { return nil }
    let (segmentLength, segmentCount) = BinaryFuseFilter.shape(distinct)
    var sequence: UInt64 = 0x726b_2b9d_438b_9d4d
    for _ in 0..<BinaryFuseFilter.attempts {
      let geometry = Geometry(
        seed: splitmix64(&sequence), segmentLength: segmentLength, segmentCount: segmentCount)
      var peeling = FilterPeeling(geometry: geometry, keyCount: distinct)
      if let fingerprints = peeling.run(keys) {
        self.geometry = geometry
        self.fingerprints = fingerprints
        return
      }
    }
    return nil
  }

  /// The filter of keys that ascend in memory; nil as for `init(ascending:)`.
  package static func build(_ keys: UnsafeBufferPointer<UInt64>) -> BinaryFuseFilter? {
    BinaryFuseFilter(ascending: keys)
  }

  /// The paper's parameters for a 3-wise filter.
  private static func shape(_ count: Int) -> (length: UInt32, segments: UInt32) {
    guard count > 1 else { return (4, 1) }
    let n = Double(count)
    let exponent = Int((log(n) / log(3.33) + 2.25).rounded(.down))
    let length = min(1 << exponent, segmentLengthLimit)
    let factor = max(1.125, 0.875 + 0.25 * log(1_000_000) / log(n))
    let capacity = Int((n * factor).rounded())
    let segments = max(1, (capacity + length - 1) / length - 2)
    return (UInt32(length), UInt32(segments))
  }

  @inline(__always)
  static func mix(_ key: UInt64, _ seed: UInt64) -> UInt64 {
    var h = key &+ seed
    h ^= h >> 33
    h = h &* 0xff51_afd7_ed55_8ccd
    h ^= h >> 33
    h = h &* 0xc4ce_b9fe_1a85_ec53
    return h ^ h >> 33
  }

  @inline(__always)
  static func positions(_ hash: UInt64, _ geometry: Geometry) -> (Int, Int, Int) {
    let length = UInt64(geometry.segmentLength)
    let mask = length &- 1
    let first = hash.multipliedFullWidth(by: UInt64(geometry.segmentCount) &* length).high
    let second = (first &+ length) ^ (hash >> 18 & mask)
    let third = (first &+ length &+ length) ^ (hash & mask)
    return (
      Int(truncatingIfNeeded: first), Int(truncatingIfNeeded: second),
      Int(truncatingIfNeeded: third)
    )
  }

  @inline(__always)
  static func fingerprint(_ hash: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: hash ^ hash >> 32) }
}

private func splitmix64(_ state: inout UInt64) -> UInt64 {
  state = state &+ 0x9e37_79b9_7f4a_7c15
  var z = state
  z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
  z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
  return z ^ z >> 31
}
