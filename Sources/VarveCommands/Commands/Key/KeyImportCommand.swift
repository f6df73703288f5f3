import ArgumentParser
import VarveFormat
import VarveOperations
import VarveRepository

struct KeyImportCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Unlock with a recovery key and set a new password.",
    usage: "varve key import [<options>] <file>",
    discussion: """
      For when the passwords are lost: the recovery key, typed or scanned into a file, opens the \
      repository, and a new owner's password or key file is added. Case, spaces and dashes in the key \
      do not matter. Where several owners have to agree to that, propose it (--propose).

      Examples:
        varve key import recovery.txt
        varve key import recovery.txt --new-key-file /root/varve.key
      """)

  @Argument(help: ArgumentHelp("The file with the recovery key.", valueName: "file"))
  var file: String

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
    let access = RepositoryAccess(global, console)
    let repository = try access.opened().unlock(
      .keyText(try SecretFile.keyText(at: file)), client: try access.client())
    let flow = NewCredentialFlow(
      keyFile: newKeyFile, password: newPassword, cost: passwordCost, role: .owner,
      label: label)
    var id = Digest.zero
    if try proposal.run(in: repository, on: console, { id = try flow.run(in: repository) }) {
      try KeyAdded(id: id, role: .owner, keyFile: newKeyFile).print(on: console)
    }
    return .success
  }
}
