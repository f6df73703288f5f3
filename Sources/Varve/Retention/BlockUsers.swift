// By which rules' snapshots each block and each tree node is used.
//
// A snapshot counts as the set of rules that keep it. Of a block it is known which rules keep *all* of the
// snapshots that use it, and which keep *any*: the first are those without whose snapshots it could go, and if
// there is but one in the second, that rule alone keeps it. Both sets together are a state; different ones are
// few, so a block takes 4 bytes of state and 8 bytes of place in a table that is between 3/8 and 3/4
// full: 16 to 32 bytes, and for a moment while the table grows half as much again. 10^6 blocks take 32 MB.

import VarveFormat
import VarveRepository

/// Rules by their numbers, 0 to 255.
struct RuleSet: Hashable {
  static let limit = 256

  private var words = SIMD4<UInt64>()

  init(_ numbers: [Int] = []) {
    for number in numbers { words[number >> 6] |= 1 << UInt64(number & 63) }
  }

  private init(words: SIMD4<UInt64>) { self.words = words }

  func contains(_ number: Int) -> Bool { words[number >> 6] >> UInt64(number & 63) & 1 == 1 }

  func union(_ other: RuleSet) -> RuleSet { RuleSet(words: words | other.words) }
  func intersection(_ other: RuleSet) -> RuleSet { RuleSet(words: words & other.words) }

  func precedes(_ other: RuleSet) -> Bool {
    for index in 0..<4 where words[index] != other.words[index] {
      return words[index] < other.words[index]
    }
    return false
  }
}

struct BlockUsers {
  struct State: Hashable {
    /// Rules that keep all snapshots that use it.
    let all: RuleSet
    /// Rules that keep some of them.
    let any: RuleSet
  }

  /// Who uses something now.
  enum User: Hashable {
    case kept(RuleSet)
    /// A snapshot that is to be forgotten. Counts only where no kept one came before.
    case forgotten
  }

  private enum Place { case block, node }

  /// Numbers of states: 0 is "unused", 1 "by forgotten ones only".
  private static let unused: UInt32 = 0
  private static let forgotten: UInt32 = 1

  private var states: [State?] = [nil, nil]
  private var numbers: [State: UInt32] = [:]
  private var packs: [Digest: UInt32] = [:]
  private var blocks = PlaceTable()
  private var nodes = PlaceTable()
  /// Stored bytes of the blocks in each state.
  private var byteCounts: [UInt64] = [0, 0]

  /// Marks the block in which a chunk lies as used.
  mutating func use(_ location: ChunkLocation, by user: User) {
    let place = UInt64(pack(location)) << 16 | UInt64(location.block)
    let row = blocks.row(of: place)
    let before = blocks[row]
    let after = next(before, user)
    guard before != after else { return }
    blocks[row] = after
    if before != Self.unused { byteCounts[Int(before)] -= UInt64(location.storedLength) }
    byteCounts[Int(after)] += UInt64(location.storedLength)
  }

  /// The same of a tree node and its block.
  ///
  /// - Returns: whether that says anything new. If not, it is the same with all that is below the node.
  mutating func useNode(_ location: ChunkLocation, by user: User) -> Bool {
    use(location, by: user)
    let place =
      UInt64(pack(location)) << 32 | UInt64(location.block) << 16 | UInt64(location.slot)
    let row = nodes.row(of: place)
    let before = nodes[row]
    nodes[row] = next(before, user)
    return before != nodes[row]
  }

  /// Stored bytes that only snapshots kept by a rule use.
  func bytes(onlyUsedBy rule: Int) -> UInt64 { sum { $0.all.contains(rule) } }

  /// Stored bytes that only snapshots use that this rule keeps and no other.
  func bytes(onlyKeptBy rule: Int) -> UInt64 {
    let alone = RuleSet([rule])
    return sum { $0.any == alone }
  }

  /// Stored bytes that only forgotten snapshots use.
  var bytesOfForgotten: UInt64 { byteCounts[Int(Self.forgotten)] }

  /// Stored bytes that any snapshot uses.
  var bytesOfAll: UInt64 { byteCounts.reduce(0, +) }

  private func sum(_ isCounted: (State) -> Bool) -> UInt64 {
    zip(states, byteCounts).reduce(0) { sum, pair in
      pair.0.map(isCounted) ?? false ? sum + pair.1 : sum
    }
  }

  private mutating func pack(_ location: ChunkLocation) -> UInt32 {
    if let number = packs[location.pack] { return number }
    let number = UInt32(truncatingIfNeeded: packs.count)
    packs[location.pack] = number
    return number
  }

  private mutating func next(_ number: UInt32, _ user: User) -> UInt32 {
    switch user {
    case .forgotten: return number == Self.unused ? Self.forgotten : number
    case .kept(let rules):
      let known = states[Int(number)]
      let state = State(
        all: known.map { $0.all.intersection(rules) } ?? rules,
        any: known.map { $0.any.union(rules) } ?? rules)
      if state == known { return number }
      if let number = numbers[state] { return number }
      let new = UInt32(states.count)
      states.append(state)
      byteCounts.append(0)
      numbers[state] = new
      return new
    }
  }
}

/// Numbers by place: open addressing, linear probing.
private struct PlaceTable {
  /// 0 where there is none; else the place + 1.
  private var keys: [UInt64] = Array(repeating: 0, count: 1024)
  private var values: [UInt32] = Array(repeating: 0, count: 1024)
  private var count = 0

  /// Where the number of a place is, 0 at first; until the next call.
  mutating func row(of place: UInt64) -> Int {
    if 4 * count >= 3 * keys.count { grow() }
    let slot = slot(of: place + 1)
    if keys[slot] == 0 {
      keys[slot] = place + 1
      count += 1
    }
    return slot
  }

  subscript(row: Int) -> UInt32 {
    get { values[row] }
    set { values[row] = newValue }
  }

  private func slot(of key: UInt64) -> Int {
    let mask = keys.count - 1
    var slot = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 20) & mask
    while keys[slot] != 0 && keys[slot] != key { slot = (slot + 1) & mask }
    return slot
  }

  private mutating func grow() {
    let (oldKeys, oldValues) = (keys, values)
    keys = Array(repeating: 0, count: 2 * oldKeys.count)
    values = Array(repeating: 0, count: 2 * oldKeys.count)
    for (key, value) in zip(oldKeys, oldValues) where key != 0 {
      let slot = slot(of: key)
      keys[slot] = key
      values[slot] = value
    }
  }
}
