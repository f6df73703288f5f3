import ArgumentParser
import VarveFormat
import VarveOperations
import VarveRepository

struct ScheduleShowCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show what has a schedule, when it last ran on this host, and when it is due.",
    usage: "varve schedule show [--next <n>] [--config <file>] [--json]",
    discussion: """
      Times are local. What never ran, was missed, killed or interrupted is due now. Of maintenance, the log of the repository \
      decides in the end: another host may have done it.
      """)

  @Option(
    help: ArgumentHelp("How many times to show of each; 1 to 100.", valueName: "n"))
  var next = 3

  @OptionGroup var configuration: ConfigurationOptions
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    guard (1...100).contains(next) else { throw ValidationError("--next must be from 1 to 100.") }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let work = try DaemonCommand.work(configuration.load(on: console), global, console)
    let now = WallClock.now()
    var table = TextTable([
      ("What", .left), ("Schedule", .left), ("Last run", .left), ("Due", .left),
    ])
    let tasks = work.tasks
    for (task, schedules) in tasks {
      let last = try work.lastRun(of: task)
      let moments = try times(task, schedules, work, now)
      if console.isJSON {
        try console.json {
          $0.member("message_type", "schedule")
          $0.member("what", task.description)
          $0.member("schedules", schedules.map(\.text))
          if let last {
            $0.member("last_run", last.started.zonedSeconds)
            $0.member("last_result", last.result.rawValue)
          }
          $0.member("is_due", moments.first.map { $0 <= now } ?? false)
          $0.member("next", moments.map(\.zonedSeconds))
        }
        continue
      }
      table.add([
        [task.description], schedules.map(\.text),
        [last.map { EntryText.shortTime($0.started) } ?? "never"],
        moments.map { $0 <= now ? "now" : EntryText.shortTime($0) },
      ])
    }
    if !console.isJSON {
      let footer = HumanText.count(tasks.count, "schedule")
      for line in table.lines(footer: footer) { try console.line(line) }
    }
    return .success
  }

  private func times(
    _ task: DueTask, _ schedules: [Schedule], _ work: DueWork, _ now: Timestamp
  ) throws -> [Timestamp] {
    var moments: [Timestamp] = []
    var moment = try work.next(task, schedules, after: now)
    while let known = moment, moments.count < next {
      moments.append(known)
      moment = schedules.compactMap { $0.next(after: known) }.min { $0.seconds < $1.seconds }
    }
    return moments
  }
}
