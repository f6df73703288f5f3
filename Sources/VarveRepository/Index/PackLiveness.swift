internal import Synchronization
package import VarveFormat

/// Which packs of a table the log state has, asked when a row of the pack is first wanted.
///
/// Two bits a pack: 10^6 packs are 250 KB, and opening looks at none of them.
package final class PackLiveness: Sendable {
  package typealias Question = @Sendable (_ pack: Digest, _ size: UInt64) -> Bool

  private static let live: UInt64 = 1
  private static let dead: UInt64 = 2

  private nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>
  /// One bit a pack: whether somebody relied on it.
  private nonisolated(unsafe) let uses: UnsafeMutablePointer<Atomic<UInt64>>
  private let wordCount: Int
  private let packCount: Int
  private let isLive: Question

  /// - Parameter isLive: whether the log state has a pack of that name and size.
  init(packCount: Int, isLive: @escaping Question) {
    self.packCount = packCount
    self.isLive = isLive
    wordCount = (packCount + 31) / 32
    words = .allocate(capacity: max(1, wordCount))
    uses = .allocate(capacity: max(1, wordCount))
    for index in 0..<wordCount {
      (words + index).initialize(to: Atomic(0))
      (uses + index).initialize(to: Atomic(0))
    }
  }

  deinit {
    words.deinitialize(count: wordCount)
    words.deallocate()
    uses.deinitialize(count: wordCount)
    uses.deallocate()
  }

  /// Notes that somebody relies on a pack of the table.
  @inline(__always)
  func use(_ pack: UInt32) {
    let pack = Int(pack)
    guard pack < packCount else { return }
    let bit: UInt64 = 1 << UInt64(pack % 64)
    let word = uses + pack / 64
    if word.pointee.load(ordering: .relaxed) & bit == 0 {
      word.pointee.bitwiseOr(bit, ordering: .relaxed)
    }
  }

  /// Calls `body` with the number of each pack that somebody relies on.
  func forEachUsed(_ body: (Int) throws -> Void) rethrows {
    for index in 0..<wordCount {
      var rest = uses[index].load(ordering: .relaxed)
      while rest != 0 {
        try body(index * 64 + rest.trailingZeroBitCount)
        rest &= rest - 1
      }
    }
  }

  /// Writes down the answer for a pack.
  func set(_ pack: Int, isLive: Bool) {
    let bits = (isLive ? Self.live : Self.dead) << (UInt64(pack % 32) * 2)
    words[pack / 32].bitwiseOr(bits, ordering: .relaxed)
  }

  /// - Parameter table: the one that this belongs to. A pack that it does not have is not live.
  @inline(__always)
  func isLive(_ pack: UInt32, of table: IndexTable) -> Bool {
    let pack = Int(pack)
    guard pack < packCount else { return false }
    let answer = words[pack / 32].load(ordering: .relaxed) >> (UInt64(pack % 32) * 2) & 3
    return answer == 0 ? ask(pack, table) : answer & Self.dead == 0
  }

  @inline(never)
  private func ask(_ pack: Int, _ table: IndexTable) -> Bool {
    let answer = (try? table.pack(at: pack)).map { isLive($0.name, $0.size) } ?? false
    set(pack, isLive: answer)
    return answer
  }
}
