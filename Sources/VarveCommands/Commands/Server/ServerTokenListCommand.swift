import ArgumentParser
import VarveFormat
import VarveRepository
import VarveServer

struct ServerTokenListCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the tokens of a server.",
    usage: "varve server-token list [<options>] (<directory> | --service <file>)")

  @Argument(help: ArgumentHelp("The server's directory.", valueName: "directory"))
  var directories: [String] = []

  @OptionGroup var place: TokenPlaceOptions

  @OptionGroup var store: TokenStoreOptions
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws { _ = try place.split(directories) }

  func execute(on console: Console) throws -> ExitStatus {
    let (directory, _) = try place.split(directories)
    let tokens = try place.file(directory, store).tokens()
    let now = WallClock.now().seconds
    if console.isJSON {
      var writer = JSONWriter()
      writer.array { writer in
        for token in tokens {
          writer.object {
            Self.members(token, into: &$0)
            $0.member("expired", token.isExpired(at: now))
          }
        }
      }
      writer.endLine()
      try console.write(writer.bytes)
      return .success
    }
    var table = TextTable([
      ("ID", .left), ("Label", .left), ("Kind", .left), ("Repository", .left), ("Made", .left),
      ("Ends", .left),
    ])
    for token in tokens {
      let end = token.expires.map(Self.local) ?? "never"
      table.add([
        token.id, ByteText.printable(token.label), token.kind.rawValue, token.repository,
        Self.local(token.created), token.isExpired(at: now) ? "\(end), expired" : end,
      ])
    }
    for line in table.lines(footer: HumanText.count(tokens.count, "token")) {
      try console.line(line)
    }
    return .success
  }

  static func members(_ token: AccessToken, into writer: inout JSONWriter) {
    writer.member("id", token.id)
    writer.member("label", token.label)
    writer.member("kind", token.kind.rawValue)
    writer.member("repository", token.repository)
    writer.member("created", Timestamp(seconds: token.created).utcSeconds)
    if let expires = token.expires {
      writer.member("expires", Timestamp(seconds: expires).utcSeconds)
    }
  }

  private static func local(_ seconds: Int64) -> String {
    EntryText.shortTime(WallClock.local(seconds: seconds))
  }
}
