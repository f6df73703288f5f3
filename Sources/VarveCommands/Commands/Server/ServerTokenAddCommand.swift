import ArgumentParser
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveServer
import VarveStorage

struct ServerTokenAddCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Make a token, and print it once.",
    usage:
      "varve server-token add [<options>] --label <text> (<directory> <repository> | --service <file>)",
    discussion: """
      What is printed is the secret; only its hash is kept. Clients read it from a file (--server-token-file) or \
      from the environment (VARVE_SERVER_TOKEN).

      Example:
        varve server-token add --label web1 --kind append --expires 2028-01-01 /srv/varve web1 >web1.token
      """)

  @Argument(
    help: ArgumentHelp(
      "The server's directory, made if need be, and the repository that the token is good for, which need not be there yet.",
      valueName: "directory> <repository"))
  var places: [String] = []

  @OptionGroup var place: TokenPlaceOptions

  @Option(help: ArgumentHelp("What it is called in lists.", valueName: "text"))
  var label: String

  @Option(
    help: ArgumentHelp(
      "read, append or full; with --service read, which sees how backups are, or full. (default: append; with --service read)",
      valueName: "kind"))
  var kind: AccessKindArgument?

  @Option(
    help: ArgumentHelp(
      "When it ends: \"2006-01-02 15:04:05\" in local time, or RFC 3339. (default: never)",
      valueName: "time"))
  var expires: TimeArgument?

  @OptionGroup var store: TokenStoreOptions
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if place.service == nil {
      _ = try place.split(places, "repository")
    } else if !places.isEmpty {
      throw ValidationError("With --service neither a directory nor a repository is named.")
    } else if kind?.kind == .append {
      throw ValidationError("With --service a token is of the kind read or full.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let directory = try places.first.map { try WitnessInitCommand.path($0) }
    if let directory, store.tokens == nil { try LocalStorage(path: directory).createDirectory() }
    let made = try AccessToken.make(
      label: label, kind: kind?.kind ?? (place.service == nil ? .append : .read),
      repository: places.last ?? AccessToken.serviceName,
      expires: expires?.timestamp.seconds, now: WallClock.now().seconds)
    let token = made.token
    try place.file(directory, store).add(token)
    let secret = made.secret.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    if console.isJSON {
      try console.json {
        $0.member("message_type", "server_token_added")
        $0.member("token", secret)
        ServerTokenListCommand.members(token, into: &$0)
      }
    } else {
      try console.line(secret)
    }
    return .success
  }
}
