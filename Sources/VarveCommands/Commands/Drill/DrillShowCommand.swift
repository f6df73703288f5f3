import ArgumentParser
import VarveFormat
import VarveOperations
import VarveRepository

struct DrillShowCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show the proof document of a drill that this host has run.",
    usage: "varve drill show [<options>] <id>",
    discussion: """
      Prints Markdown; with --json the record, the receipt and its log proof in one object. With --output the files \
      are written: drill.json, receipt.json with its log proof, proof.json, proof.md and proof.html.

      Examples:
        varve drill show 5f0c2a >drill.md
        varve drill show 5f0c2a -o drill && varve-verify drill/receipt.json --key log.vkey --file drill/drill.json
      """)

  @Argument(help: ArgumentHelp("The id of the drill, or its beginning.", valueName: "id"))
  var id: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Write the files into this directory.", valueName: "directory"))
  var output: String?

  @OptionGroup var configuration: ConfigurationOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    // It may say where documents are kept.
    let client =
      try configuration.loadIfAny(on: console).map { try global.client(of: $0, on: console) }
      ?? RepositoryAccess(global, console).client()
    let store = DrillStore(client: client)
    let document = try store.document(id.lowercased())
    if let output {
      try DrillStore.write(document, to: output)
      console.note("written to \(ByteText.printable(RawArgument.bytes(output)))")
    } else if console.isJSON {
      try console.write(Array((document.json.canonicalText + "\n").utf8))
    } else {
      try console.write(Array(document.markdown.utf8))
    }
    return .success
  }
}
