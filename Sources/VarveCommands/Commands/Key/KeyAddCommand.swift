import ArgumentParser
import VarveFormat
import VarveRepository

struct KeyAddCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Add a password or a key file.",
    usage: "varve key add [<options>]",
    discussion: """
      Without an option the new password is asked for. A key file needs no password, and unlocks at \
      once: it is meant for unattended machines. Needs an owner's credential. An auditor needs no \
      credential: 'varve audit' and 'varve proof verify' take the repository's verifier key.

      Examples:
        varve key add --label "Ada's laptop"
        varve key add --role writer --new-key-file /etc/varve/writer.key
        varve key add --role reader --new-password-command 'pass backup/reader'
      """)

  @Option(help: ArgumentHelp("owner, writer or reader.", valueName: "role"))
  var role: RoleArgument = .owner

  @Option(help: ArgumentHelp("A name for the list of keys.", valueName: "text"))
  var label: String = ""

  @Option(help: ArgumentHelp("Make a key file here, which must not exist.", valueName: "file"))
  var newKeyFile: String?

  @OptionGroup var newPassword: NewPasswordOptions
  @OptionGroup var passwordCost: PasswordCostOption
  @OptionGroup var proposal: ProposeOption
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if newKeyFile != nil && newPassword.isGiven {
      throw ValidationError("Give a new key file or a new password, not both.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    try repository.require(.owner, to: "add credentials")
    let flow = NewCredentialFlow(
      keyFile: newKeyFile, password: newPassword, cost: passwordCost, role: role.role, label: label)
    var id = Digest.zero
    if try proposal.run(in: repository, on: console, { id = try flow.run(in: repository) }) {
      try KeyAdded(id: id, role: role.role, keyFile: newKeyFile).print(on: console)
    }
    return .success
  }
}
