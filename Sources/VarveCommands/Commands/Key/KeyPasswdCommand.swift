import ArgumentParser
import VarveFormat
import VarveRepository

struct KeyPasswdCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "passwd",
    abstract: "Change the password that unlocks the repository now.",
    usage: "varve key passwd [<options>]",
    discussion: """
      Needs an owner's password; the others stay as they are. Without --password-memory unlocking \
      goes on to cost what it did.

      Examples:
        varve key passwd
        varve key passwd -p old.txt --new-password-file new.txt
      """)

  @OptionGroup var newPassword: NewPasswordOptions
  @OptionGroup var passwordCost: PasswordCostOption
  @OptionGroup var proposal: ProposeOption
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    var id = Digest.zero
    let isDone = try proposal.run(in: repository, on: console) {
      let cost = try passwordCost.cost()
      id = try repository.changePassword(to: try newPassword.password(), cost: cost)
    }
    if isDone { try KeyAdded(id: id, role: repository.role, keyFile: nil).print(on: console) }
    console.warnOfCredential(left: repository)
    return .success
  }
}
