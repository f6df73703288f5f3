import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveProof
import VarveRepository

struct LogProveCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "prove",
    abstract: "Show that an entry is in the log, to anybody who knows its key.",
    usage: "varve log prove [<options>] <index>",
    discussion: """
      Prints a C2SP tlog-proof: the key of the entry's author, its index, its path in the Merkle tree, and a \
      checkpoint of the log. The entry itself is what 'varve cat entry' prints. By default the stored checkpoint is used and no password \
      is needed; with --sign the newest head is signed, which takes an owner's or writer's credential.

      Examples:
        varve log prove 12 -o entry.json.tlog-proof
        varve cat entry 12 >entry.json
        varve proof verify entry.json --key log.vkey
      """)

  @Argument(help: ArgumentHelp("The entry's index.", valueName: "index"))
  var index: UInt64

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Write to a file.", valueName: "file"))
  var output: RawArgument?

  @Flag(help: "Sign the newest head of the log.")
  var sign = false

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let proof = try RepositoryAccess(global, console).log(unlocked: sign).proof(ofEntry: index)
    if let output {
      try OutputFile.write(proof.bytes, to: output)
    } else {
      try console.write(proof.bytes)
    }
    return .success
  }
}

extension RepositoryAccess {
  /// The log, to read; with its key, if unlocked.
  func log(unlocked: Bool) throws -> Log {
    try unlocked ? self.unlocked().log : opened().openLog(client: client())
  }
}
