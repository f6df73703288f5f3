import ArgumentParser
import VarveFormat
import VarveOperations
import VarveProof
import VarveRepository

struct ReceiptExportCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a receipt and the proof that it is in the log.",
    usage: "varve receipt export [<options>] <index> -o <file>",
    discussion: """
      FILE gets the entry as it was signed, a DSSE envelope with an in-toto statement, which tools for these can \
      verify; FILE.tlog-proof the C2SP tlog-proof of it, with its author's key. By default the stored checkpoint is used and no password is \
      needed; with --sign the newest head is signed, which takes an owner's or writer's credential.

      Examples:
        varve receipt export 12 -o receipt.json
        varve-verify receipt.json --key log.vkey
      """)

  @Argument(help: ArgumentHelp("The index of its entry.", valueName: "index"))
  var index: UInt64

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Where to write it; the proof goes beside it.", valueName: "file"))
  var output: RawArgument

  @Flag(help: "Sign the newest head of the log.")
  var sign = false

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let log = try RepositoryAccess(global, console).log(unlocked: sign)
    let entry = try log.entry(index)
    switch entry.statement.body {
    case .receipt, .check: break
    default:
      throw VarveError(
        .usage, "entry \(index) is no receipt: it is a \(entry.statement.body.kind) entry",
        hint:
          "see 'varve receipt list'; of any entry, 'varve cat entry' and 'varve log prove' give the same"
      )
    }
    let proof = try log.proof(ofEntry: index)
    let place = RawArgument(bytes: output.bytes + Array(".tlog-proof".utf8))
    try OutputFile.write(proof.bytes, to: place)
    try OutputFile.write(entry.bytes, to: output)
    if console.isJSON {
      try console.json {
        $0.member("message_type", "exported")
        $0.member("index", index)
        $0.member("kind", entry.statement.body.kind)
        $0.member("file", bytes: output.bytes)
        $0.member("proof", bytes: place.bytes)
        $0.member("key", log.config.logKey)
      }
    } else {
      console.note("verify with --key \(log.config.logKey)")
    }
    return .success
  }
}
