import ArgumentParser
import VarveServer

/// `varve server-token …`: who may do what on a server.
struct ServerTokenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "server-token",
    abstract: "Make, list and remove the tokens of a server.",
    discussion: """
      A token is good for one repository and of one kind: read (restore), append (back up: adds, and neither \
      replaces nor deletes), full (also init, keys, prune). The server's directory keeps hashes of tokens only, in the \
      file .tokens.

      Examples:
        varve server-token add --label web1 --kind append /srv/varve web1
        varve server-token list /srv/varve
        varve server-token remove /srv/varve 1f0e5b2a
      """,
    subcommands: [
      ServerTokenAddCommand.self, ServerTokenListCommand.self, ServerTokenRemoveCommand.self,
    ])
}

/// Where the tokens of a server are kept.
struct TokenStoreOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The file of tokens. (default: .tokens in the server's directory)", valueName: "file"))
  var tokens: String?

  func file(in directory: String) throws -> TokenFile {
    TokenFile(path: try tokens.map { try WitnessInitCommand.path($0) } ?? "\(directory)/.tokens")
  }
}

/// What a token is for.
struct AccessKindArgument: ExpressibleByArgument {
  let kind: AccessKind

  init(kind: AccessKind) { self.kind = kind }

  init?(argument: String) {
    guard let kind = AccessKind(rawValue: argument) else { return nil }
    self.kind = kind
  }

  static var allValueStrings: [String] { AccessKind.allCases.map(\.rawValue) }
  var defaultValueDescription: String { kind.rawValue }
}
