import VarveFormat
import VarveOperations
import VarveRepository

/// A status as an operator reads it: tables first, then each thing that is wrong as a sentence.
struct StatusTable {
  private let report: StatusReport

  init(_ report: StatusReport) { self.report = report }

  func print(on console: Console) throws {
    var lines: [String] = []
    if !report.sources.isEmpty { lines += sources() + [""] }
    lines += repositories()
    if !report.drills.isEmpty { lines += [""] + drills() }
    let problems = problems()
    if !problems.isEmpty { lines += [""] + problems }
    for line in lines { try console.line(line) }
  }

  private func sources() -> [String] {
    let hasProfiles = report.sources.contains { $0.profile != nil }
    var table = TextTable(
      (hasProfiles ? [("Profile", .left)] : []) + [
        ("Source", .left), ("Repository", .left), ("State", .left), ("Newest", .left),
        ("Age", .right), ("Limit", .right), ("Snapshots", .right), ("Size", .right),
      ])
    for source in report.sources {
      table.add(
        (hasProfiles ? [Self.plain(source.profile ?? "")] : []) + [
          Self.plain(source.source), Self.plain(source.repository), source.state,
          Self.time(source.newest), source.age(at: report.time).map(HumanText.span) ?? "-",
          source.maximumAge.map(HumanText.span) ?? "-",
          source.snapshotCount.map { "\($0)" } ?? "-",
          source.bytes.map { HumanText.bytes(UInt64(max(0, $0))) } ?? "-",
        ])
    }
    return table.lines()
  }

  private func repositories() -> [String] {
    var table = TextTable([
      ("Repository", .left), ("State", .left), ("Log", .right), ("Snapshots", .right),
      ("Stored", .right), ("Data verified", .left),
    ])
    for repository in report.repositories {
      table.add([
        Self.plain(repository.name), repository.state,
        repository.logSize.map { "\($0)" } ?? "-",
        repository.snapshotCount.map { "\($0)" } ?? "-",
        repository.storedBytes.map { HumanText.bytes($0) } ?? "-", Self.time(repository.verified),
      ])
    }
    return table.lines()
  }

  private func drills() -> [String] {
    var table = TextTable([
      ("Drill", .left), ("State", .left), ("Last run", .left), ("RTO", .right),
      ("Target", .right), ("RPO", .right), ("Target", .right), ("Due", .left),
    ])
    for drill in report.drills {
      table.add([
        Self.plain("\(drill.profile)/\(drill.drill)"), drill.state, Self.time(drill.lastRun),
        drill.seconds.map(HumanText.span) ?? "-",
        drill.recoveryTimeTarget.map(HumanText.span) ?? "-",
        drill.recoveryPoint.map(HumanText.span) ?? "-",
        drill.recoveryPointTarget.map(HumanText.span) ?? "-",
        drill.due == nil ? "-" : Self.time(drill.due),
      ])
    }
    return table.lines()
  }

  private func problems() -> [String] {
    var lines: [(level: StatusReport.Level, text: String)] = []
    func add<Kind>(_ name: String, _ problems: [StatusProblem<Kind>]) {
      for problem in problems {
        let text = "\(name): \(problem.kind.rawValue): \(problem.message)"
        lines.append((problem.kind.level, Self.plain(text)))
      }
    }
    for source in report.sources {
      add((source.profile.map { $0 + "/" } ?? "") + source.source, source.problems)
    }
    for repository in report.repositories { add(repository.name, repository.problems) }
    for drill in report.drills { add("drill \(drill.profile)/\(drill.drill)", drill.problems) }
    return lines.filter { $0.level == .bad }.map(\.text)
      + lines.filter { $0.level == .warning }.map { "warning: " + $0.text }
  }

  private static func plain(_ text: String) -> String { ByteText.printable(text) }

  private static func time(_ time: Timestamp?) -> String {
    time.map { EntryText.shortTime(WallClock.local(seconds: $0.seconds)) } ?? "never"
  }
}
