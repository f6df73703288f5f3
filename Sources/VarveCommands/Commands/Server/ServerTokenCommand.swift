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

      With --service <file> it is about the tokens of an operator's service instead (docs/service.md), and neither a \
      directory nor a repository is named: read looks, full also starts restores, drills and audits.

        varve server-token add --service /etc/varve/tokens --label ops --kind full
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

/// Whose tokens a command is about: a server's, in its directory, or an operator's service's.
struct TokenPlaceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The file of tokens of an operator's service, in the place of a server's directory.",
      valueName: "file"))
  var service: String?

  /// The file, and of the arguments those that do not name the directory.
  ///
  /// - Throws: `ValidationError` unless there are as many as `names`, and a directory before them where it is needed.
  func split(_ arguments: [String], _ names: String...) throws -> (
    directory: String?, rest: [String]
  ) {
    guard arguments.count == names.count + (service == nil ? 1 : 0) else {
      let wanted = (service == nil ? ["<directory>"] : []) + names.map { "<\($0)>" }
      throw ValidationError("What it takes is: \(wanted.joined(separator: " ")).")
    }
    return service == nil
      ? (arguments[0], Array(arguments.dropFirst())) : (nil, arguments)
  }

  func file(_ directory: String?, _ store: TokenStoreOptions) throws -> TokenFile {
    if let service { return TokenFile(path: try WitnessInitCommand.path(service)) }
    return try store.file(in: try WitnessInitCommand.path(directory ?? ""))
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
