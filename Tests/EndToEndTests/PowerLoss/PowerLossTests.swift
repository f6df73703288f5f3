import Glibc
import Testing
import VarveTestThreads

/// Every state that a power loss may leave (Disk.swift) opens and holds what was acknowledged (docs/reliability.md).
@Suite(.enabled(if: Tracer.isSupported, Tracer.unsupported), .serialized, .onOwnThreads)
struct PowerLossTests {
  /// A repository's life: snapshots of a source that changes, other commands between them.
  private func makeSession(backups: Int) throws -> (RecordedSession, PowerLossOracle) {
    let session = try RecordedSession()
    let here = session.here
    var generator = SeededGenerator(seed: 5)
    try here.makeSmallTree(files: 4, largest: 9_000)
    try session.run("init")
    try session.run("key", "add", "--new-key-file", session.keyFile)
    let oracle = try PowerLossOracle(session)
    for number in 0..<backups {
      try here.write(
        generator.bytes(Int.random(in: 100...9_000, using: &generator)),
        to: here.source + "/dir\(number % 3)/changing")
      try session.run("backup", here.source)
      try oracle.learn(session)
      switch number % 4 {
      case 1:
        try session.run("tag", "--add", "round\(number)", "latest")
        try session.forgetAndUndo()
      case 2:
        let directories = (0..<3).map { "\(here.source)/dir\($0)" }
        try session.backUpTogether(directories[0], directories[1], directories[2])
        try oracle.learn(session)
        try session.run("forget", "--keep-last", "1")
        try session.run("prune", "--now", "--max-unused", "0")
      case 3: try session.run("check", "--read-data")
      default: break
      }
    }
    // The oracle compares with the source as it is now.
    if backups > 1 { try session.run("backup", here.source) }
    try oracle.learn(session)
    return (session, oracle)
  }

  @Test func aFailedSyncIsNeverBelieved() throws {
    let (session, oracle) = try makeSession(backups: 1)
    let here = session.here
    var trials = 0
    while true {
      try here.write("sync \(trials + 1) fails", to: here.source + "/changing")
      let traced = try session.run(["backup", here.source], .fault("lost", at: trials + 1))
      guard traced.struck != nil else { break }
      trials += 1
    }
    #expect(trials > 15)
    try oracle.learn(session)
    var enumeration = CrashEnumeration(session)
    enumeration.moments = Set(session.ends.map(\.event))
    try expectNoViolation(&enumeration, oracle, session)
  }

  @Test func whatAKilledWriterHasLinkedIsDurableBeforeAnybodyRemembersIt() throws {
    let (session, oracle) = try makeSession(backups: 1)
    let here = session.here
    try here.write("a change", to: here.source + "/changing")
    let traced = try session.run(["backup", here.source], .killAfter("linkat", 1))
    try #require(traced.signal == SIGKILL)
    #expect(traced.struck?.path.contains("/repository/tmp/") == true)
    try oracle.learn(session)
    var enumeration = CrashEnumeration(session)
    try expectNoViolation(&enumeration, oracle, session)

    // The oracle is right only if it misses the sync that the reader makes in the writer's stead.
    let killed = try #require(session.ends.last { $0.command.hasPrefix("backup") }?.event)
    var without = CrashEnumeration(session)
    without.ignoredSyncs = Set(
      session.events.indices.filter { index in
        guard index >= killed, case .synced(let path, _) = session.events[index] else {
          return false
        }
        return path == "repository/log/commits"
      })
    #expect(!without.ignoredSyncs.isEmpty)
    without.moments = [session.events.count]
    var isMissed = false
    try without.forEachState { state, moment, _ in
      do {
        try oracle.judge(state, session.promise(after: moment), isThorough: false)
      } catch {
        isMissed = true
      }
      return !isMissed
    }
    #expect(isMissed)
  }

  private func expectNoViolation(
    _ enumeration: inout CrashEnumeration, _ oracle: PowerLossOracle, _ session: RecordedSession
  ) throws {
    try enumeration.forEachState { state, moment, ordinal in
      let promise = session.promise(after: moment)
      guard promise.hasKeyFile else { return true }
      do {
        try oracle.judge(state, promise, isThorough: ordinal % 20 == 0)
        return true
      } catch {
        Issue.record("\(message(session, moment, error))")
        return false
      }
    }
  }

  private func message(_ session: RecordedSession, _ moment: Int, _ error: any Error) -> Comment {
    let command = session.ends.first { $0.event >= moment }?.command ?? ""
    return """
      power loss in "\(command)" after event \(moment), \
      \(RecordedTrace.line(session.events[moment - 1])): \(error)
      """
  }

  /// What follows repairs, rewrites and copies.
  private func makeUpkeep() throws -> (RecordedSession, PowerLossOracle) {
    let (session, oracle) = try makeSession(backups: 1)
    let here = session.here
    try session.makeOtherRepository()
    try session.run(
      "copy", "--from-repo", here.otherRepository, "--from-key-file", here.otherKeyFile)
    try oracle.learn(session)
    try session.run("rewrite", "--exclude", "dir1", "--forget")
    try oracle.learn(session)
    try session.loseIndex()
    try session.run("repair", "index")
    try session.run("prune", "--now", "--max-unused", "0")
    try session.run("backup", here.source)
    try oracle.learn(session)
    return (session, oracle)
  }

  @Test(arguments: ["saving and deleting", "upkeep"])
  func everyStateAfterAPowerLossHoldsWhatWasAcknowledged(_ history: String) throws {
    let (session, oracle) =
      try history == "upkeep" ? makeUpkeep() : makeSession(backups: Tools.rounds(3, soak: 8))
    var enumeration = CrashEnumeration(session)
    enumeration.randomStates = Tools.rounds(0, soak: 160)
    if !Tools.soak {
      let ends = session.ends.map(\.event)
      enumeration.moments = Set(session.events.indices.filter { $0 % 3 == 0 } + ends)
    }
    var violations = 0
    var beginnings = 0
    try enumeration.forEachState { state, moment, ordinal in
      let promise = session.promise(after: moment)
      if !promise.hasKeyFile {
        // A password takes a third of a second.
        beginnings += 1
        guard Tools.soak || beginnings % 40 == 1 else { return true }
      }
      do {
        try oracle.judge(state, promise, isThorough: ordinal % 40 == 0)
      } catch {
        violations += 1
        Issue.record("\(message(session, moment, error))")
      }
      return violations < 20
    }
    print(
      "power loss, \(history): \(session.events.count) events, \(enumeration.distinct.count) distinct states",
      "(\(enumeration.distinctRepositories.count) of the repository),",
      "\(enumeration.judgedCount) judged, \(violations) violations")
    #expect(enumeration.distinct.count > 300)
  }
}
