import ArgumentParser
import Glibc
import Synchronization
import VarveFormat
import VarveOperations
import VarveRepository

struct DaemonCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "daemon",
    abstract:
      "Stay, and run what is due when it is due: for containers, where there is no systemd or cron.",
    usage: "varve daemon [--jitter <duration>] [--config <file>] [--json]",
    discussion: """
      Does what 'varve run --due' does, whenever something is due; of what touches one repository only one at a time. The \
      configuration is read anew when it has changed; while what it says is wrong, what it said before counts. SIGTERM \
      stops work under way, lets its 'after' hooks run, and ends the program with exit code 0.
      """)

  @Option(
    help: ArgumentHelp(
      "Wait for a random part of this time before what is due begins, so that many hosts do not ask one store at once.",
      valueName: "duration"))
  var jitter = IntervalArgument(nanoseconds: 60_000_000_000)

  @OptionGroup var configuration: ConfigurationOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    var file = try configuration.read(on: console)
    var marks = file.files.map(FileMark.init)
    var work = try Self.work(file.checked(), global, console)
    guard !work.tasks.isEmpty else {
      throw VarveError(
        .usage, "nothing in \(ByteText.printable(file.files[0])) has a schedule",
        hint: "give a profile 'schedule: daily', for example")
    }
    let writing = Mutex(())
    let loop = WorkLoop(
      cancellation: Interruption.flag, jitter: jitter.interval.seconds
    ) { event, work in
      writing.withLock { _ in Self.report(event, on: console) }
      if case .ended = event { work.surroundings.updateMetrics(on: console) }
    }
    console.note("\(HumanText.count(work.tasks.count, "schedule")); waiting for what is due")
    try loop.run {
      let now = file.files.map(FileMark.init)
      guard now != marks else { return work }
      marks = now
      do {
        let changed = try configuration.read(on: console)
        let made = try Self.work(changed.checked(), global, console)
        file = changed
        marks = changed.files.map(FileMark.init)
        work = made
        console.note("the configuration was read anew")
      } catch {
        let message = (error as? VarveError)?.message ?? "\(error)"
        console.warning("the configuration has changed, but is wrong: \(message)")
      }
      return work
    }
    console.note("stopped")
    return .success
  }

  static func work(
    _ configuration: Configuration, _ global: GlobalOptions, _ console: Console
  ) throws -> DueWork {
    let surroundings = RunSurroundings(
      configuration, client: try global.client(of: configuration, on: console),
      cancellation: Interruption.flag, note: { console.note($0) },
      warn: { console.warning(ByteText.printable($0)) })
    return DueWork(
      surroundings,
      drillDirectory: DrillDirectory.standardBase(ProcessEnvironment.current.variables))
  }

  private static func report(_ event: WorkLoop.Event, on console: Console) {
    switch event {
    case .begun(let task): console.note(level: 2, "\(task): begins")
    case .ended(_, let records):
      // Whoever reads it may have gone; the work goes on.
      try? RunSummary(records, isDryRun: false).print(on: console)
      try? console.output.flush()
    case .failed(let task, let error):
      if error.code == .refused {
        console.note("\(task): \(error.message)")
      } else {
        console.warning("\(task): \(ByteText.printable(error.message))")
      }
    }
  }
}

/// By what a change of a file shows.
private struct FileMark: Equatable {
  private var numbers: [Int64] = []

  init(_ path: String) {
    var status = stat()
    guard stat(RawArgument.cString(path), &status) == 0 else { return }
    numbers = [
      Int64(bitPattern: UInt64(status.st_ino)), Int64(status.st_size),
      Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec),
    ]
  }
}
