import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct StatsCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Count and measure what snapshots hold.",
    usage: "varve stats [<options>] [<snapshot> ...]",
    discussion: """
      Modes:
        restore-size       what restoring them all would write (the default)
        files-by-contents  the same, each file content counted once
        raw-data           chunks as they lie in the repository, each counted once

      Examples:
        varve stats
        varve stats latest
        varve stats --mode raw-data --host db1
      """)

  @Argument(help: ArgumentHelp("Only these (default: all).", valueName: "snapshot"))
  var snapshots: [RawArgument] = []

  @Option(
    help: ArgumentHelp(
      "restore-size, files-by-contents or raw-data.", valueName: "mode"))
  var mode: StatisticsArgument = .restoreSize

  @OptionGroup var filter: SnapshotFilterOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).readable()
    let choice = try SnapshotAccess(repository.unlocked, filter, on: console).choice(
      named: snapshots.map(\.bytes))
    let index = repository.index
    let reader = CancellableSource(try repository.makeReader(), Interruption.flag)
    let statistics = Statistics(mode.measure, from: reader) {
      index.locate($0)
    }
    for snapshot in choice.readable(on: console) {
      try Interruption.flag.check()
      try statistics.add(snapshot.record)
    }
    try print(statistics.report, on: console)
    try choice.finish()
    return .success
  }

  private func print(_ report: Statistics.Report, on console: Console) throws {
    let isRaw = mode.measure == .rawData
    let saving = report.compressionRatio.map { (1 - 1 / $0) * 100 }
    if console.isJSON {
      try console.json {
        $0.member("total_size", report.size)
        if isRaw {
          $0.member("total_uncompressed_size", report.uncompressedSize)
          if let ratio = report.compressionRatio { $0.member("compression_ratio", ratio) }
          if let saving { $0.member("compression_space_saving", saving) }
          $0.member("total_blob_count", report.chunks)
        } else {
          $0.member("total_file_count", report.files)
        }
        $0.member("snapshots_count", report.snapshots)
      }
      return
    }
    try console.line("Stats in \(mode.measure.rawValue) mode:")
    var rows = [("Snapshots processed", String(report.snapshots))]
    if isRaw {
      rows.append(("Total Blob Count", String(report.chunks)))
      rows.append(("Total Uncompressed Size", HumanText.bytes(report.uncompressedSize)))
      if let ratio = report.compressionRatio, let saving {
        rows.append(("Compression Ratio", HumanText.fixed(ratio, 2) + "x"))
        rows.append(("Compression Space Saving", HumanText.fixed(saving, 2) + "%"))
      }
    } else {
      rows.append(("Total File Count", String(report.files)))
    }
    rows.append(("Total Size", HumanText.bytes(report.size)))
    for (name, value) in rows { try console.line("\(name.leading(24)):  \(value)") }
  }
}
