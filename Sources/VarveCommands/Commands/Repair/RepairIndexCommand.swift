import ArgumentParser
import VarveFormat
import VarveRepository

struct RepairIndexCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "index",
    abstract: "Make the index right again, from what the packs say of themselves.",
    usage: "varve repair index [<options>]",
    discussion: """
      Reads every index segment and the chunk table at the end of every pack. Packs that no segment \
      lists rightly are indexed anew. Packs and segments that are missing or damaged are recorded as \
      lost, after what still opens of a damaged pack has been copied into new ones. Packs that were \
      lost and are there again are used again.

      Examples:
        varve repair index --dry-run
        varve repair index
      """)

  @Flag(name: [.customShort("n"), .long], help: "Change nothing; print what would be done.")
  var dryRun = false

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    try StorageRepairing(reading: .none, isDryRun: dryRun).run(repository, on: console)
    return .success
  }
}

/// Repairs packs and index for a command, and says what is done.
struct StorageRepairing {
  let reading: StorageRepair.Reading
  let isDryRun: Bool

  func run(_ repository: UnlockedRepository, on console: Console) throws {
    let repair = try StorageRepair(
      repository, reading: reading, cancellation: Interruption.flag)
    guard !isDryRun else {
      return try StorageRepairSummary(plan: try repair.plan(), report: nil).print(on: console)
    }
    let report = try repair.run { plan in
      if !console.isJSON { try StorageRepairSummary(plan: plan, report: nil).print(on: console) }
    }
    try StorageRepairSummary(plan: report.plan, report: report).print(on: console)
  }
}
