// Tags are bytes, as the log's opaque ids and audits, which have nothing but these, know them: "café" can be spelled in two
// ways that Swift's strings hold to be one, and a rule for the one is none for the other.

import VarveFormat
import VarveRepository

extension String {
  /// Whether it is the same text byte by byte, and not only canonically equivalent.
  func isSpelled(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}

extension [String] {
  /// Whether one of them is spelled so.
  func hasSpelling(_ text: String) -> Bool { contains { $0.isSpelled(as: text) } }

  func isSpelled(as others: [String]) -> Bool {
    count == others.count && zip(self, others).allSatisfy { $0.isSpelled(as: $1) }
  }

  func hashSpelling(into hasher: inout Hasher) {
    hasher.combine(count)
    for text in self {
      hasher.combine(text.utf8.count)
      for byte in text.utf8 { hasher.combine(byte) }
    }
  }
}

extension OpaqueIDs {
  /// What the ids of tags stand for; each id is computed once.
  func names(ofTags tags: some Sequence<String>) -> [Digest: String] {
    var seen: Set<[UInt8]> = []
    var names: [Digest: String] = [:]
    for name in tags where seen.insert(Array(name.utf8)).inserted { names[tag(name)] = name }
    return names
  }
}
