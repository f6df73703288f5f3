import ArgumentParser
import Varve
import VarveFormat
import VarveRepository

struct HoldRemoveCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Release snapshots that are held.",
    usage: "varve hold remove [<options>] <snapshot> ...",
    discussion: """
      A permanent hold cannot be released. Needs an owner's credential.

      Example:
        varve hold remove --reason "migration done" 79766175
      """)

  @OptionGroup var chosen: HeldSnapshotOptions
  @OptionGroup var proposal: ProposeOption
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    let ids = try chosen.ids(in: repository, on: console)
    let isDone = try proposal.run(in: repository, on: console) {
      try HoldChange(repository).remove(from: ids, reason: chosen.reason)
    }
    guard isDone else { return .success }
    if console.isJSON {
      try console.json {
        $0.member("message_type", "hold_removed")
        $0.member("snapshots", ids.map(\.hex))
      }
    } else if !console.isQuiet {
      try console.line("released \(HumanText.count(ids.count, "snapshot"))")
    }
    return .success
  }
}
