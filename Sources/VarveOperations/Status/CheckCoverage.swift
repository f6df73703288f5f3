// What the checks that a log records have looked at, by the scope that each has written.
//
//     structure                      log, objects, index, trees
//     read-data                      that, and all data
//     read-data I/N                  that, and the packs of a part, which follows from their names: the N parts together are all
//     read-data P%, read-data B bytes    that, and packs chosen at random: nobody knows afterwards which, so they are a
//                                    sample, unless they were all of them
//     anything else                  nothing that is known here
//
// Damage is cleared by clean checks behind it in the log that have looked at as much of the same:
//
//     found in           cleared by all data, or by
//     structure          any check
//     part I of N        the same part
//     a sample           nothing else
//
// All data is read by one check, or by clean ones of all parts of one N. A writer's check sees no records and no trees, and
// nobody knows that it was made at all: it clears what a writer's has found, and verifies nothing.

import VarveFormat

extension RepositoryFacts.Check {
  enum Extent: Hashable {
    case structure
    case all
    case part(Int, of: Int)
    case sample
    case unknown
  }

  var extent: Extent {
    if scope == "structure" { return .structure }
    guard scope.hasPrefix("read-data") else { return .unknown }
    if scope == "read-data" || hasReadAllPacks { return .all }
    let parts = scope.dropFirst("read-data ".utf8.count).split(
      separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let part = Int(parts[0]), let count = Int(parts[1]),
      count > 0, (1...count).contains(part)
    else { return .sample }
    return count == 1 ? .all : .part(part, of: count)
  }
}

/// What several clean checks have looked at.
struct CheckCoverage {
  private var hasStructure = false
  private(set) var hasAll = false
  /// Parts that were read, by how many there are.
  private var parts: [Int: Set<Int>] = [:]

  mutating func add(_ extent: RepositoryFacts.Check.Extent) {
    switch extent {
    case .unknown: return
    case .structure, .sample: break
    case .all: hasAll = true
    case .part(let part, let count):
      parts[count, default: []].insert(part)
      if parts[count]?.count == count { hasAll = true }
    }
    hasStructure = true
  }

  /// Whether damage that a check of that extent has found would have been found again.
  func clears(_ extent: RepositoryFacts.Check.Extent) -> Bool {
    if hasAll { return true }
    return switch extent {
    case .structure: hasStructure
    case .part(let part, let count): parts[count]?.contains(part) ?? false
    case .all, .sample, .unknown: false
    }
  }

  /// The checks that found damage which no later one has shown to be gone, oldest first.
  ///
  /// - Parameter checks: in the order of the log.
  static func open(_ checks: [RepositoryFacts.Check]) -> [RepositoryFacts.Check] {
    var byAll = CheckCoverage()
    var byReaders = CheckCoverage()
    var open: [RepositoryFacts.Check] = []
    for check in checks.reversed() {
      if check.isDamaged {
        if !(check.isWriters ? byAll : byReaders).clears(check.extent) { open.append(check) }
      } else {
        byAll.add(check.extent)
        if !check.isWriters { byReaders.add(check.extent) }
      }
    }
    return open.reversed()
  }
}

/// When all data was last read and found good.
struct DataVerification {
  /// Nil when it never was.
  let time: Timestamp?
  /// Where parts were read, but not all of them: of the division of which most are missing least.
  let unfinished: (read: Int, of: Int)?

  /// - Parameter checks: clean ones in the order of the log, with the latest that each can be.
  init(_ checks: [(check: RepositoryFacts.Check, time: Timestamp)]) {
    var newest: Timestamp?
    var parts: [Int: [Int: Timestamp]] = [:]
    for (check, time) in checks {
      switch check.extent {
      case .all: newest = max(newest ?? time, time)
      case .part(let part, let count): parts[count, default: [:]][part] = time
      case .structure, .sample, .unknown: break
      }
    }
    for (count, times) in parts where times.count == count {
      // As old as the part that was read longest ago.
      guard let oldest = times.values.min() else { continue }
      newest = max(newest ?? oldest, oldest)
    }
    time = newest
    unfinished =
      newest == nil
      ? parts.map { (read: $0.value.count, of: $0.key) }
        .min { ($0.of - $0.read, $0.of) < ($1.of - $1.read, $1.of) } : nil
  }
}
