internal import Glibc

/// The 256 words that the rolling hash adds, `G`, and the same shifted left by one, `LS`: 4 KiB, which
/// stay in the first-level cache. Secret, as they tell which bytes end a chunk; zeroed at the end.
public final class GearTable: @unchecked Sendable {
  static let wordCount = 256

  /// `G`, then `LS`. Never written after `init`.
  let words: UnsafeMutablePointer<UInt64>

  /// - Parameter words: 256 of them, as a key schedule gives them.
  public init(words: [UInt64]) {
    precondition(words.count == Self.wordCount, "a Gear table has 256 words")
    self.words = .allocate(capacity: 2 * Self.wordCount)
    for (index, word) in words.enumerated() {
      (self.words + index).initialize(to: word)
      (self.words + Self.wordCount + index).initialize(to: word &<< 1)
    }
  }

  deinit {
    explicit_bzero(words, 2 * Self.wordCount * MemoryLayout<UInt64>.stride)
    words.deallocate()
  }
}
