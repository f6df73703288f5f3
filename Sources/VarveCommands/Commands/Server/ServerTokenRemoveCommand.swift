import ArgumentParser
import VarveFormat
import VarveServer

struct ServerTokenRemoveCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Remove a token; a running server notices within seconds.",
    usage: "varve server-token remove [<options>] (<directory> | --service <file>) <id>")

  @Argument(
    help: ArgumentHelp(
      "The server's directory, and the token's id, as 'list' shows it.",
      valueName: "directory> <id"))
  var arguments: [String] = []

  @OptionGroup var place: TokenPlaceOptions
  @OptionGroup var store: TokenStoreOptions
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws { _ = try place.split(arguments, "id") }

  func execute(on console: Console) throws -> ExitStatus {
    let (directory, rest) = try place.split(arguments, "id")
    let token = try place.file(directory, store).remove(id: rest[0])
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
