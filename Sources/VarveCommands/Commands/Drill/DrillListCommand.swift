import ArgumentParser
import VarveFormat
import VarveOperations
import VarveRepository

struct DrillListCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the drills that are declared, and how each last ended on this host.",
    usage: "varve drill list [<options>] [<profile> …]",
    discussion: """
      Needs no password. What other hosts have done is in the log: 'varve drill trend'.
      """)

  @Argument(help: ArgumentHelp("Profiles; all of them when none is named.", valueName: "profile"))
  var profiles: [String] = []

  @OptionGroup var configuration: ConfigurationOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let configuration = try configuration.load(on: console)
    let journal = RunJournal(client: try global.client(of: configuration, on: console))
    let chosen =
      profiles.isEmpty
      ? configuration.profiles.values.sorted { $0.name < $1.name }
      : try profiles.map(configuration.profile)
    var table = TextTable([
      ("Profile", .left), ("Drill", .left), ("Schedule", .left), ("Sample", .left),
      ("Checks", .right), ("RTO", .right), ("RPO", .right), ("Last", .left), ("Result", .left),
    ])
    for profile in chosen {
      let records = try journal.records(activity: .drill, name: profile.name)
      for drill in profile.drills {
        let last = records.last { $0.detail == drill.name }
        if console.isJSON {
          try console.json(flushing: false) { Self.write(drill, profile, last, to: &$0) }
        } else {
          table.add([
            profile.name, drill.name, drill.schedule?.text ?? "", drill.sample.text,
            "\(drill.checks.count)", drill.recoveryTime.map { HumanText.span($0) } ?? "",
            drill.recoveryPoint.map { HumanText.span($0) } ?? "",
            last.map { EntryText.shortTime($0.started) } ?? "never", last?.result.rawValue ?? "",
          ])
        }
      }
    }
    if !console.isJSON { for line in table.lines() { try console.line(line) } }
    return .success
  }

  private static func write(
    _ drill: Drill, _ profile: Profile, _ last: RunRecord?, to writer: inout JSONWriter
  ) {
    writer.member("message_type", "drill_declared")
    writer.member("profile", profile.name)
    writer.member("drill", drill.name)
    if let schedule = drill.schedule { writer.member("schedule", schedule.text) }
    writer.member("sample", drill.sample.text)
    writer.member("sources", drill.sources.isEmpty ? profile.sources.map(\.name) : drill.sources)
    writer.member("checks", drill.checks.map(\.text))
    if let target = drill.recoveryTime { writer.member("recovery_time_target", target) }
    if let target = drill.recoveryPoint { writer.member("recovery_point_target", target) }
    guard let last else { return }
    writer.member("last_id", last.id)
    writer.member("last_started", last.started.precise)
    if let ended = last.ended { writer.member("last_ended", ended.precise) }
    writer.member("last_result", last.result.rawValue)
    if let message = last.message { writer.member("last_message", message) }
  }
}
