import ArgumentParser
import VarveFormat
import VarveRepository

struct ProposalApproveCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "approve",
    abstract: "Agree to a proposal; the last approval that is needed carries it out.",
    usage: "varve proposal approve [<options>] <entry> ...",
    discussion: """
      Look at what is proposed first: 'varve proposal list', 'varve log show', 'varve cat entry'. Needs an owner's credential; the \
      recovery key's agreement does not count, since every owner could sign with it.

      Example:
        varve proposal approve 812
      """)

  @Argument(help: ArgumentHelp("The log entry that proposes it.", valueName: "entry"))
  var entries: [UInt64]

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let agreement = Agreement(try RepositoryAccess(global, console).unlocked())
    var status = ExitStatus.success
    for entry in entries {
      let outcome = try agreement.approve(entry)
      if let obstacle = outcome.obstacle {
        console.warning(
          "the proposal \(entry) is approved, but cannot be carried out: \(ByteText.printable(obstacle.description))"
        )
        status = .failure
      }
      if console.isJSON {
        try console.json {
          $0.member("message_type", "approved")
          $0.member("entry", entry)
          $0.member("agree", outcome.agreed)
          $0.member("needed", outcome.needed)
          if let carriedOut = outcome.carriedOut { $0.member("carried_out", carriedOut) }
        }
      } else if !console.isQuiet {
        try console.line(
          outcome.carriedOut.map { "carried out by entry \($0)" }
            ?? "\(outcome.agreed) of \(outcome.needed) owners agree")
      }
    }
    return status
  }
}
