import ArgumentParser
import VarveFormat
import VarveServer

struct ServerTokenRemoveCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Remove a token; a running server notices within seconds.",
    usage: "varve server-token remove [<options>] <directory> <id>")

  @Argument(help: ArgumentHelp("The server's directory.", valueName: "directory"))
  var directory: String

  @Argument(help: ArgumentHelp("The token's id, as 'list' shows it.", valueName: "id"))
  var id: String

  @OptionGroup var store: TokenStoreOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let token = try store.file(in: try WitnessInitCommand.path(directory)).remove(id: id)
    if console.isJSON {
      try console.json {
        $0.member("message_type", "server_token_removed")
        ServerTokenListCommand.members(token, into: &$0)
      }
    } else if !console.isQuiet {
      try console.line("removed \(token.id), \(ByteText.printable(token.label))")
    }
    return .success
  }
}
