/// Goes through the states that a power loss may leave at each moment of a session.
struct CrashEnumeration {
  let session: RecordedSession
  /// States chosen at random after each event, besides the systematic ones.
  var randomStates = 0
  /// Only these events are looked at, if not nil: each the number of events before the power fails.
  var moments: Set<Int>?
  /// Events whose syncs do nothing.
  var ignoredSyncs: Set<Int> = []
  var seed: UInt64 = 1

  private(set) var distinct: Set<Int> = []
  /// States that were judged, each with what was promised at the time: a state that comes again later has more to keep.
  private var judged: Set<[Int]> = []
  private(set) var distinctRepositories: Set<Int> = []

  var judgedCount: Int { judged.count }

  init(_ session: RecordedSession) { self.session = session }

  /// Calls `body` with each state that is distinct, or was seen only when less was promised; the number of events before
  /// it; and how many such ones came before.
  ///
  /// - Parameter body: returns false to stop.
  mutating func forEachState(
    _ body: (CrashState, _ moment: Int, _ ordinal: Int) throws -> Bool
  ) throws {
    var disk = Disk()
    for (index, event) in session.events.enumerated() {
      try disk.apply(event, ignoresSync: ignoredSyncs.contains(index))
      let moment = index + 1
      if let moments, !moments.contains(moment) { continue }
      let ended = session.ends.count { $0.event <= moment }
      // Nothing changes with what is said, but a command may have come to its end.
      if case .told = event, session.ends.allSatisfy({ $0.event != moment }) { continue }
      for choices in choices(for: disk, moment) {
        let state = disk.crash(choices)
        guard judged.insert([hash(state), ended]).inserted else { continue }
        guard try body(state, moment, judged.count - 1) else { return }
      }
    }
  }

  private typealias Chooser = (Undecided) -> Decision

  /// All lost, all kept; each thing alone kept, lost, or torn; and random mixtures.
  private func choices(for disk: Disk, _ moment: Int) -> [Chooser] {
    let undecided = disk.undecided()
    let last = Dictionary(
      uniqueKeysWithValues: undecided.map { ($0, Decision.version(disk.versionCount($0) - 1)) })
    func kept(_ item: Undecided) -> Decision { last[item] ?? .version(.max) }
    var choices: [Chooser] = [{ _ in .version(0) }, kept]
    for item in undecided {
      choices.append { $0 == item ? kept($0) : .version(0) }
      choices.append { $0 == item ? .version(0) : kept($0) }
      if case .content = item {
        let seed = seed &* 31 &+ UInt64(moment)
        choices.append { $0 == item ? .torn(seed) : kept($0) }
      }
    }
    guard !undecided.isEmpty else { return choices }
    var generator = SeededGenerator(seed: seed &+ UInt64(moment) << 20)
    for _ in 0..<randomStates {
      var decisions: [Undecided: Decision] = [:]
      for item in undecided {
        let isTorn = if case .content = item { Bool.random(using: &generator) } else { false }
        decisions[item] =
          isTorn
          ? .torn(generator.next())
          : .version(Int.random(in: 0..<disk.versionCount(item), using: &generator))
      }
      choices.append { decisions[$0] ?? .version(.max) }
    }
    return choices
  }

  private mutating func hash(_ state: CrashState) -> Int {
    var hasher = Hasher()
    var repositoryHasher = Hasher()
    for path in state.files.keys.sorted() {
      var file = Hasher()
      file.combine(path)
      state.files[path]!.withUnsafeBytes { file.combine(bytes: $0) }
      let value = file.finalize()
      hasher.combine(value)
      if path.hasPrefix("repository/") { repositoryHasher.combine(value) }
    }
    distinctRepositories.insert(repositoryHasher.finalize())
    let value = hasher.finalize()
    distinct.insert(value)
    return value
  }
}
