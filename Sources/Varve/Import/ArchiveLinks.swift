/// The hard links of an archive: which entry each means.
///
/// A link means what its target's path was when the link came, whatever took that path later; so it follows
/// the record of the path with the greatest number below its own. That may be a link again, which came before.
struct ArchiveLinks {
  private struct Link {
    let target: [UInt8]
    /// The record that the target's path had.
    var record: UInt64?
    /// That record's entry, unless it is a link.
    var body: [UInt8]?
  }

  private var links: [UInt64: Link] = [:]
  /// The numbers of links to a path, ascending.
  private var wanted: [[UInt8]: [UInt64]] = [:]
  /// By number of an entry, whether something is linked to it.
  private var leaders: Set<UInt64> = []

  var count: Int { links.count }

  mutating func add(number: UInt64, target: [UInt8]) {
    links[number] = Link(target: target)
    wanted[target, default: []].append(number)
  }

  /// Sees a record; they come ordered by key, and of one key by number.
  ///
  /// - Parameter body: of an entry; nil for a link.
  mutating func pass(_ key: [UInt8], _ number: UInt64, _ body: [UInt8]?) {
    if let current { assign(current, before: current.key == key ? number : .max) }
    current = wanted[key] == nil ? nil : (key, number, body)
  }

  private var current: (key: [UInt8], number: UInt64, body: [UInt8]?)?

  /// Links what came behind the record, and before the next one of its path, to it.
  private mutating func assign(
    _ record: (key: [UInt8], number: UInt64, body: [UInt8]?), before end: UInt64
  ) {
    guard let numbers = wanted[record.key] else { return }
    var low = 0
    var high = numbers.count
    while low < high {
      let middle = (low + high) / 2
      if numbers[middle] <= record.number { low = middle + 1 } else { high = middle }
    }
    for link in numbers[low...].prefix(while: { $0 < end }) {
      links[link]?.record = record.number
      links[link]?.body = record.body
    }
  }

  /// Follows links to links. Call it when all records have been seen.
  mutating func resolve() {
    if let current { assign(current, before: .max) }
    current = nil
    for number in links.keys.sorted() {
      guard let record = links[number]?.record else { continue }
      if let other = links[record] {
        links[number]?.record = other.record
        links[number]?.body = other.body
      }
      if let leader = links[number]?.record { leaders.insert(leader) }
    }
  }

  /// The entry that link `number` means; nil when there is none.
  func entry(of number: UInt64) -> [UInt8]? { links[number]?.body }

  /// What the entry, or the link, `number` has in common with all others of the same file; nil for a file of one name.
  func group(of number: UInt64) -> UInt64? {
    if let link = links[number] { return link.record }
    return leaders.contains(number) ? number : nil
  }
}
