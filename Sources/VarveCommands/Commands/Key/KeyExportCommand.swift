import ArgumentParser
import VarveCrypto
import VarveFormat
import VarveRepository

struct KeyExportCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write the recovery key, to be printed and put in a safe.",
    usage: "varve key export [<options>] [<file>]",
    discussion: """
      With the recovery key and the repository an owner can unlock, whatever became of the passwords; \
      so can a thief. It never changes. Needs an owner's credential.

      Examples:
        varve key export recovery.txt
        varve key export | lp
      """)

  @Argument(
    help: ArgumentHelp(
      "A new file (default: standard output).", valueName: "file"))
  var file: String?

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    try repository.require(.owner, to: "export the recovery key")
    let output = try file.map { try KeyFileOutput(creating: $0) }
    let key = try repository.exportRecoveryKey()
    if let output {
      try output.write(key)
      console.note("wrote the recovery key to \(output.name)")
    } else {
      try key.withUnsafeBytes { try console.output.write($0, flushing: true) }
    }
    return .success
  }
}
