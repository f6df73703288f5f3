internal import VarveFormat

/// Which packs a check reads whole.
enum PackSelection {
  /// - Parameter packs: with their sizes.
  /// - Returns: ascending by name.
  static func select(_ packs: [Digest: UInt64], _ options: CheckOptions) -> [Digest] {
    let names = packs.keys.sorted()
    let total = packs.values.reduce(0) { $0 &+ $1 }
    switch options.readData {
    case .none: return []
    case .all: return names
    case .part(let part, let count):
      let parts = UInt64(max(1, count))
      return names.filter { $0.prefix64 % parts == UInt64(max(1, part) - 1) }
    case .fraction(let fraction):
      guard fraction < 1 else { return names }
      return random(names, packs, UInt64(Double(total) * max(0, fraction)), options.seed)
    case .bytes(let bytes):
      return random(names, packs, bytes, options.seed)
    }
  }

  /// Packs chosen at random until they have so many bytes; at least one.
  private static func random(
    _ names: [Digest], _ packs: [Digest: UInt64], _ wanted: UInt64, _ seed: UInt64?
  ) -> [Digest] {
    var generator = Generator(state: seed ?? UInt64.random(in: .min ... .max))
    var chosen: [Digest] = []
    var bytes: UInt64 = 0
    for name in names.shuffled(using: &generator) {
      chosen.append(name)
      bytes += packs[name] ?? 0
      if bytes >= wanted { break }
    }
    return chosen.sorted()
  }

  /// splitmix64: a seed must give the same packs on every machine.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state = state &+ 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
      return z ^ z >> 31
    }
  }
}
