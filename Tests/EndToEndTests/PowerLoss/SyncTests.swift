import Foundation
import Glibc
import Testing
import VarveTestThreads

/// What is synced, in which order, and that each sync which is needed is missed when it is not there.
@Suite(.enabled(if: Tracer.isSupported, Tracer.unsupported), .serialized, .onOwnThreads)
struct SyncTests {
  private static let traces = Tools.sources + "/fixtures/traces"
  /// Writes the files anew instead of comparing with them.
  private static let writes = getenv("VARVE_WRITE_TRACES") != nil

  /// Small files, so that one pack of data and one of trees are stored, and threads have no choice; but so many
  /// that an index segment takes several blocks.
  private func makeSession() throws -> RecordedSession {
    while true {
      let session = try RecordedSession()
      let here = session.here
      for number in 0..<40 { try here.write("file \(number)\n", to: "\(here.source)/\(number)") }
      try session.run("init")
      try session.run("key", "add", "--new-key-file", session.keyFile)
      try session.run("backup", here.source)
      try here.write("another file\n", to: here.source + "/another")
      try session.run("backup", here.source)
      // Once in 64 times a pack comes into a directory that is there already.
      if Set(here.objects("packs/").map { $0.prefix(8) }).count == 4 { return session }
    }
  }

  @Test func whatIsSyncedInWhichOrder() throws {
    let session = try makeSession()
    let names = ["init", "key-add", "first-backup", "second-backup"]
    var commands: [[String]] = []
    var start = 0
    for end in session.ends {
      let lines = RecordedTrace.lines(session.events[start..<end.event])
      if end.command != "snapshots" { commands.append(lines) }
      start = end.event
    }
    try #require(commands.count == names.count)
    for (name, lines) in zip(names, commands) {
      try compare(lines, with: "\(Self.traces)/\(name).txt", session.here)
    }
  }

  private func compare(_ lines: [String], with path: String, _ here: Workspace) throws {
    if Self.writes { return try here.write(lines.map { $0 + "\n" }.joined(), to: path) }
    let expected = String(decoding: try here.read(path), as: UTF8.self)
      .split(separator: "\n").map(String.init)
    for change in lines.difference(from: expected) {
      switch change {
      case .insert(let line, let text, _):
        Issue.record("\(path): new at line \(line + 1): \(text)")
      case .remove(let line, let text, _):
        Issue.record("\(path): line \(line + 1) is gone: \(text)")
      }
    }
  }

  /// Each kind of sync is left out of what was recorded, as if the program did not make it, and the oracle of the
  /// power loss must see it, if the sync is one that is needed.
  @Test func aSyncThatIsLeftOutIsMissed() throws {
    let session = try makeSession()
    let oracle = try PowerLossOracle(session)
    var kinds: [String: Set<Int>] = [:]
    let lines = syncLines(session)
    for (index, line) in lines { kinds[line, default: []].insert(index) }
    let path = "\(Self.traces)/syncs.txt"
    var found: [String] = []
    let expected =
      Self.writes
      ? []
      : String(decoding: try session.here.read(path), as: UTF8.self)
        .split(separator: "\n").map(String.init)
    for (line, indices) in kinds.sorted(by: { $0.key < $1.key }) {
      // That a sync is not needed takes all states to see, so only the long form does.
      guard Tools.soak || Self.writes || !expected.contains("spare   \(line)") else { continue }
      let violation = try violation(in: session, without: indices, oracle)
      found.append("\(violation == nil ? "spare  " : "needed ") \(line)")
      if let violation { print("without \(line): \(violation)") }
    }
    if Self.writes { return try session.here.write(found.map { $0 + "\n" }.joined(), to: path) }
    let judged = Tools.soak ? expected : expected.filter { $0.hasPrefix("needed") }
    #expect(found == judged)
    #expect(found.filter { $0.hasPrefix("needed") }.count > 10)
  }

  private func syncLines(_ session: RecordedSession) -> [(Int, String)] {
    session.events.indices.compactMap { index in
      guard case .synced = session.events[index] else { return nil }
      return (index, RecordedTrace.lines(session.events[index...])[0])
    }
  }

  private func violation(
    in session: RecordedSession, without indices: Set<Int>, _ oracle: PowerLossOracle
  ) throws -> String? {
    var violation: String?
    // At the ends of commands first: most is seen there.
    for moments in [Set(session.ends.map(\.event)), nil] where violation == nil {
      var enumeration = CrashEnumeration(session)
      enumeration.ignoredSyncs = indices
      enumeration.moments = moments
      try enumeration.forEachState { state, moment, _ in
        let promise = session.promise(after: moment)
        guard promise.hasKeyFile else { return true }
        do {
          try oracle.judge(state, promise, isThorough: false)
          return true
        } catch {
          violation = "after event \(moment): \(error)"
          return false
        }
      }
    }
    return violation
  }
}
