import ArgumentParser
import VarveFormat
import VarveRepository

struct KeyRotateCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate",
    abstract: "Replace the key with which a credential's log entries are signed.",
    usage: "varve key rotate [<options>] [<id>]",
    discussion: """
      One log entry adds the new author key and removes the old one, which signs nothing any more. Without an id it is the \
      credential in use, which the same password or key file goes on to open. Another one gets a new key file, with the \
      same role and label; whoever has the old one can no longer unlock. Needs an owner's credential.

      What a credential has opened, its holder may have copied: rotating does not take that back.

      Examples:
        varve key rotate
        varve key rotate 5c8f01a2 --new-key-file /etc/varve/writer.key
      """)

  @Argument(help: ArgumentHelp("Another credential's id, or the beginning of it.", valueName: "id"))
  var id: String?

  @Option(help: ArgumentHelp("Make the key file here, which must not exist.", valueName: "file"))
  var newKeyFile: String?

  @OptionGroup var proposal: ProposeOption
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if (id == nil) != (newKeyFile == nil) {
      throw ValidationError("Another credential and --new-key-file belong together.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let access = RepositoryAccess(global, console)
    guard let id, let newKeyFile else { return try rotateOwn(access, on: console) }
    let repository = try access.unlocked()
    let old = try repository.credential(matching: id)
    guard old != repository.credential else {
      throw VarveError(
        .usage, "that is the credential in use", hint: "give no id, and it is rotated as it is")
    }
    let role = repository.log.state.author(ofCredential: old)?.role ?? .reader
    let output = try KeyFileOutput(creating: newKeyFile)
    var new = Digest.zero
    let isDone = try proposal.run(in: repository, on: console) {
      new = try repository.replaceWithKeyFile(old) { try output.write($0) }.credential
    }
    if isDone { try KeyAdded(id: new, role: role, keyFile: newKeyFile).print(on: console) }
    console.warnOfCredential(left: repository)
    return .success
  }

  private func rotateOwn(_ access: RepositoryAccess, on console: Console) throws -> ExitStatus {
    let secret = try access.secret()
    let isKeyFile = !secret.isPassword
    let repository = try access.opened().unlock(secret, client: try access.client())
    let isDone = try proposal.run(in: repository, on: console) {
      try repository.rotateAuthorKey(secret)
    }
    if isDone, let id = repository.credential {
      try KeyAdded(
        id: id, role: repository.role, keyFile: nil, hasKeyFile: isKeyFile, verb: "rotated"
      ).print(on: console)
    }
    console.warnOfCredential(left: repository)
    return .success
  }
}
