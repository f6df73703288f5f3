import ArgumentParser
import VarveFormat
import VarveRepository

struct ProposalApproveCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "approve",
    abstract: "Agree to a proposal; the last approval that is needed carries it out.",
    usage: "varve proposal approve [<options>] <entry> ...",
    discussion: """
      An approval that would carry out what the repository does not allow now, such as to forget a snapshot that is held, is \
      refused, and counts for nothing.

      Look at what is proposed first: 'varve proposal list', 'varve log show', 'varve cat entry'. Needs an owner's credential; the \
      recovery key's agreement does not count, since every owner could sign with it.

      Example:
        varve proposal approve 812
      """)

  @Argument(help: ArgumentHelp("The log entry that proposes it.", valueName: "entry"))
  var entries: [UInt64]

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    let agreement = Agreement(repository)
    defer { console.warnOfCredential(left: repository) }
    for entry in entries {
      let outcome = try agreement.approve(entry)
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
    return .success
  }
}
