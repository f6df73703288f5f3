import ArgumentParser
import VarveFormat
import VarveRepository

struct KeyRemoveCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Remove a password or key file.",
    usage: "varve key remove [<options>] <id>",
    discussion: """
      Whoever has it can no longer open the repository, nor sign anything new. What they have read or \
      copied before stays with them. The credential in use and the last owner's cannot be removed. \
      Needs an owner's credential.

      Example:
        varve key remove 5c8f01a2
      """)

  @Argument(help: ArgumentHelp("Its id, or the beginning of it.", valueName: "id"))
  var id: String

  @OptionGroup var proposal: ProposeOption
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    let credential = try repository.credential(matching: id)
    guard credential != repository.credential else {
      throw VarveError(
        .forbidden, "the credential in use is not removed",
        hint: "unlock the repository with another one to remove it")
    }
    let isDone = try proposal.run(in: repository, on: console) {
      try repository.removeCredential(credential)
    }
    guard isDone else { return .success }
    console.warnOfCredential(left: repository)
    if console.isJSON {
      try console.json {
        $0.member("message_type", "key_removed")
        $0.member("id", credential.hex)
      }
    } else if !console.isQuiet {
      try console.line("removed \(credential.hex.prefix(8))")
    }
    return .success
  }
}
