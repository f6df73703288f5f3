public import VarveFormat

/// How long chunks are, in bytes (docs/format.md, section 6).
///
/// Of random data the mean chunk is about `min + target`. A repository never changes its own,
/// since nothing cut differently would be found again.
public struct ChunkerParameters: Hashable, Sendable {
  /// No chunk is shorter, unless the data end.
  public let min: Int
  /// The mean distance from `min` to a boundary; a power of two.
  public let target: Int
  /// No chunk is longer.
  public let max: Int

  private init(unchecked min: Int, _ target: Int, _ max: Int) {
    self.min = min
    self.target = target
    self.max = max
  }

  /// - Throws: `VarveError.Code.damaged` unless 4 KiB ≤ `min`, 1 KiB ≤ `target` ≤ 16 MiB is a power of
  ///   two and `min + target` ≤ `max` ≤ 64 MiB.
  public init(min: Int, target: Int, max: Int) throws(VarveError) {
    // min is compared with max first, so the sum cannot overflow.
    guard max <= 64 << 20, min >= 4 << 10, min <= max,
      target >= 1 << 10, target <= 16 << 20, target & (target - 1) == 0, min + target <= max
    else {
      throw VarveError(
        .damaged, "chunker parameters min=\(min) target=\(target) max=\(max) are out of bounds")
    }
    self.init(unchecked: min, target, max)
  }

  /// min 512 KiB, target 512 KiB, max 8 MiB: chunks of about 1 MiB.
  public static let standard = ChunkerParameters(unchecked: 512 << 10, 512 << 10, 8 << 20)
}
