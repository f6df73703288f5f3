/// The inputs of a merge, by the first 64 bits of what each offers next: a binary heap.
///
/// Replacing the least costs about 2 log2(inputs) comparisons of words.
struct MergeHeap {
  struct Entry {
    var key: UInt64
    var input: Int
  }

  private var entries: [Entry] = []

  var least: Entry? { entries.first }

  mutating func insert(_ key: UInt64, input: Int) {
    entries.append(Entry(key: key, input: input))
    var place = entries.count - 1
    while place > 0 {
      let parent = (place - 1) / 2
      guard entries[place].key < entries[parent].key else { return }
      entries.swapAt(place, parent)
      place = parent
    }
  }

  /// Gives the least entry's input its next key; nil takes the input out.
  mutating func advanceLeast(to key: UInt64?) {
    if let key {
      entries[0].key = key
    } else {
      entries[0] = entries[entries.count - 1]
      entries.removeLast()
    }
    let count = entries.count
    guard count > 1 else { return }
    entries.withUnsafeMutableBufferPointer { entries in
      let moving = entries[0]
      var place = 0
      while true {
        var child = place * 2 + 1
        guard child < count else { break }
        if child + 1 < count, entries[child + 1].key < entries[child].key { child += 1 }
        guard entries[child].key < moving.key else { break }
        entries[place] = entries[child]
        place = child
      }
      entries[place] = moving
    }
  }
}
