import ArgumentParser
import VarveFormat
import VarveOperations
import VarveRepository

struct CheckCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Verify the repository: its log, its structure and, if asked, every byte.",
    usage: "varve check [<options>]",
    discussion: """
      Without options the log's signatures and hashes, the presence and size of every object, the \
      index, and all trees are checked. --read-data also reads every pack and verifies each chunk, \
      --read-data-subset a part of them: a week of --read-data-subset 1/7 to 7/7 reads all.

      Every damaged object is named, and with it the snapshots and files that cannot be restored \
      in full; then the exit code is 20. The result is recorded in the log.

      Examples:
        varve check
        varve check --read-data
        varve check --read-data-subset 5%
        varve check --read-data-subset 2/7 --json
      """)

  @Flag(help: "Read and verify all data.")
  var readData = false

  @Option(
    help: ArgumentHelp(
      "Read and verify a part: the nth of t parts, or a percentage or an amount at random.",
      valueName: "n/t|5%|size"))
  var readDataSubset: DataSubset?

  @Flag(help: "Do not record the result in the log.")
  var noRecord = false

  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if readData && readDataSubset != nil {
      throw ValidationError("--read-data and --read-data-subset exclude each other.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    var options = CheckOptions(readData: readData ? .all : readDataSubset?.readData ?? .none)
    options.record = !noRecord
    let display = CheckDisplay(console)
    let reporter = display.start()
    let report: CheckReport
    do {
      report = try RepositoryAccess(global, console).check(
        options: options, observer: display, cancellation: Interruption.flag)
    } catch {
      reporter.stop()
      throw error
    }
    reporter.stop()
    try CheckSummary(report).print(on: console)
    return report.isOK ? .success : .damaged
  }
}
