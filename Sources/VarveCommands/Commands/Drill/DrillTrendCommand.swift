import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct DrillTrendCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "trend",
    abstract:
      "Show recovery time and point of a profile's drills over time, against their targets.",
    usage: "varve drill trend [<options>] <profile> [<drill> …]",
    discussion: """
      The log says it: drills of all hosts, those that failed, and those that were begun and have no end.

      Examples:
        varve drill trend nightly
        varve drill trend nightly monthly --json
      """)

  @Argument(help: ArgumentHelp("The profile.", valueName: "profile"))
  var profile: String

  @Argument(help: ArgumentHelp("Its drills; all of them when none is named.", valueName: "drill"))
  var drills: [String] = []

  @Option(
    help: ArgumentHelp(
      "Which of the profile's repositories to ask (default: its first).", valueName: "name"))
  var from: String?

  @OptionGroup var configuration: ConfigurationOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let configuration = try configuration.load(on: console)
    let profile = try configuration.profile(profile)
    let settings = try configuration.repository(from, of: profile)
    let repository = try global.opening(settings, of: configuration, on: console).unlocked()
    let headings =
      repository.role == .writer ? [] : try repository.snapshotHeadings(repository.liveSnapshots)
    let ids = DrillIDs(try repository.keys.opaqueIDs(), [profile], headings)
    let history = DrillHistory(repository.log.state)
    var table = TextTable([
      ("Started", .left), ("Drill", .left), ("Result", .left), ("RTO", .right), ("Target", .right),
      ("RPO", .right), ("Target", .right), ("Files", .right), ("Receipt", .right),
    ])
    var summaries: [String] = []
    for name in drills.isEmpty ? profile.drills.map(\.name) : drills {
      let runs = history.runs(of: ids.all(name, ofProfile: profile.name))
      for run in runs {
        if console.isJSON {
          try console.json(flushing: false) { Self.write(run, name, profile.name, to: &$0) }
        } else {
          table.add(Self.row(run, name))
        }
      }
      summaries.append(Self.summary(runs, name))
    }
    if !console.isJSON {
      for line in table.lines() { try console.line(line) }
      for line in summaries { try console.line(line) }
    }
    return .success
  }

  private static func seconds(_ milliseconds: Int64?) -> String {
    milliseconds.map { HumanText.fixed(Double($0) / 1000, 3) + " s" } ?? ""
  }

  private static func result(_ run: DrillHistory.Run) -> String {
    guard let end = run.end else { return "no end" }
    return end.hasPassed ? "passed" : "failed"
  }

  private static func row(_ run: DrillHistory.Run, _ name: String) -> [String] {
    let end = run.end
    func span(_ seconds: Int64?) -> String { seconds.map { HumanText.span($0) } ?? "" }
    return [
      EntryText.shortTime(WallClock.local(seconds: run.started.seconds)), name, result(run),
      seconds(end?.milliseconds), span(end?.recoveryTimeTarget), span(end?.recoveryPoint),
      span(end?.recoveryPointTarget), end?.counts["files"].map { "\($0)" } ?? "",
      end.map { "\($0.entry)" } ?? "",
    ]
  }

  private static func summary(_ runs: [DrillHistory.Run], _ name: String) -> String {
    let ended = runs.compactMap(\.end)
    let times = ended.compactMap(\.milliseconds).sorted()
    guard let best = times.first, let worst = times.last else {
      return "\(name): \(HumanText.count(runs.count, "drill")), none has an end"
    }
    return
      "\(name): \(HumanText.count(runs.count, "drill")), \(ended.count(where: \.hasPassed)) passed; "
      + "recovery time \(seconds(best)) to \(seconds(worst)), median \(seconds(times[times.count / 2]))"
  }

  private static func write(
    _ run: DrillHistory.Run, _ name: String, _ profile: String, to writer: inout JSONWriter
  ) {
    writer.member("message_type", "drill_run")
    writer.member("profile", profile)
    writer.member("drill", name)
    writer.member("started", run.started.utcSeconds)
    writer.member("start_entry", run.startEntry)
    writer.member("author", run.author.text)
    writer.member("scope", run.scope)
    writer.member("snapshots", run.snapshots.map(\.hex))
    writer.member("result", run.end.map { $0.hasPassed ? "passed" : "failed" } ?? "no_end")
    guard let end = run.end else { return }
    writer.member("entry", end.entry)
    writer.member("ended", end.ended.utcSeconds)
    if let time = end.milliseconds {
      writer.member("recovery_time_seconds", Double(time) / 1000)
    }
    if let target = end.recoveryTimeTarget { writer.member("recovery_time_target", target) }
    if let point = end.recoveryPoint { writer.member("recovery_point_seconds", point) }
    if let target = end.recoveryPointTarget { writer.member("recovery_point_target", target) }
    writer.key("counts")
    writer.object { writer in
      for (name, count) in end.counts.sorted(by: { $0.key < $1.key }) { writer.member(name, count) }
    }
    if let document = end.document { writer.member("document", document.hex) }
  }
}
