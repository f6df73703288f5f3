import VarveTestSupport

/// Changes input in ways that keep much of its structure: the short, seeded stand-in for libFuzzer.
package struct Mutator {
  private var generator: SeededGenerator
  private let corpus: [[UInt8]]
  private let tokens: [[UInt8]]
  /// Input never grows beyond.
  private let limit = 16 << 10
  private static let bytes: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, 0x20, 0x2f, 0x0a, 0x22, 0x5c]
  private static let lengths: [UInt64] = [
    0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x1_0000, 1 << 20, 1 << 26, 1 << 31, 1 << 32 - 1, 1 << 53,
    1 << 63, .max,
  ]

  package init(seed: UInt64, corpus: [[UInt8]], tokens: [String]) {
    generator = SeededGenerator(seed: seed)
    self.corpus = corpus
    self.tokens = tokens.map { Array($0.utf8) }
  }

  /// One of the corpus, changed one to four times.
  package mutating func next() -> [UInt8] {
    var bytes = corpus.randomElement(using: &generator) ?? []
    for _ in 0..<Int.random(in: 1...4, using: &generator) { change(&bytes) }
    return bytes.count > limit ? Array(bytes.prefix(limit)) : bytes
  }

  private mutating func change(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else {
      bytes = generator.bytes(Int.random(in: 1...64, using: &generator))
      return
    }
    let at = Int.random(in: 0..<bytes.count, using: &generator)
    let end = min(bytes.count, at + Int.random(in: 1...64, using: &generator))
    switch Int.random(in: 0..<11, using: &generator) {
    case 0, 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    case 2: bytes[at] = Self.bytes.randomElement(using: &generator) ?? 0
    case 3: bytes[at] = bytes[at] &+ (Bool.random(using: &generator) ? 1 : 0xff)
    case 4: bytes.removeSubrange(at..<end)
    case 5: bytes.insert(contentsOf: bytes[at..<end], at: at)
    case 6: bytes = Array(bytes[..<at])
    case 7:
      // A part of another input in this one's place.
      guard let other = corpus.randomElement(using: &generator), !other.isEmpty else { return }
      let from = Int.random(in: 0..<other.count, using: &generator)
      let count = min(other.count - from, Int.random(in: 1...200, using: &generator))
      bytes.replaceSubrange(at..<min(bytes.count, at + count), with: other[from..<from + count])
    case 8:
      guard let token = tokens.randomElement(using: &generator) else { return }
      let over = Bool.random(using: &generator) ? token.count : 0
      bytes.replaceSubrange(at..<min(bytes.count, at + over), with: token)
    case 9:
      // A length, as one of the formats has it.
      let value = Self.lengths.randomElement(using: &generator) ?? 0
      let width = [1, 2, 4, 8].randomElement(using: &generator) ?? 4
      let field = (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
      let ordered = Bool.random(using: &generator) ? field : field.reversed()
      bytes.replaceSubrange(at..<min(bytes.count, at + width), with: ordered)
    default:
      // A number in LEB128.
      var value = Self.lengths.randomElement(using: &generator) ?? 0
      var field: [UInt8] = []
      while value >= 0x80 {
        field.append(UInt8(truncatingIfNeeded: value) | 0x80)
        value >>= 7
      }
      field.append(UInt8(value))
      bytes.replaceSubrange(at..<at + 1, with: field)
    }
  }
}
