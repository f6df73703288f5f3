import ArgumentParser
import VarveFormat
import VarveOperations
import VarveProof
import VarveServer
import VarveStorage

struct WitnessInitCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Make a new witness.",
    usage: "varve witness init [<options>] --name <name> <directory>",
    discussion: """
      The directory gets the private key, the list of logs (a file named policy; more lines "log <key>" \
      may be added to it) and later the newest checkpoint of each log: keep it all, since a \
      witness that forgets can be shown a fork. Prints the public key, which goes into the policies \
      of those who trust this witness. A log's key is logKey in the output of: varve cat config.

      Example:
        varve witness init /srv/witness --name witness.example/w1 --log "$LOG_KEY"
      """)

  @Argument(help: ArgumentHelp("The directory; it is made if need be.", valueName: "directory"))
  var directory: String

  @Option(
    help: ArgumentHelp(
      "The name under which it signs, such as a URL without scheme. No spaces, no plus.",
      valueName: "name"))
  var name: String

  @Option(
    name: .customLong("log"),
    help: ArgumentHelp("The verifier key of a log to cosign; may be repeated.", valueName: "key"))
  var logs: [String] = []

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let keys = try logs.map { text in
      do {
        return try VerifierKey(text: text)
      } catch {
        throw VarveError(.usage, "'\(text)' is no verifier key of a log", cause: error)
      }
    }
    let storage = LocalStorage(path: try Self.path(directory))
    try storage.createDirectory()
    let key = try Witness.make(name: name, logs: keys, in: storage)
    if console.isJSON {
      try console.json {
        $0.member("message_type", "witness_initialized")
        $0.member("key", key.text)
        $0.member("directory", bytes: RawArgument.bytes(directory))
        $0.member("logs", keys.count)
      }
    } else {
      try console.line(key.text)
    }
    return .success
  }

  static func path(_ directory: String) throws -> String {
    guard ByteText.isUTF8(RawArgument.bytes(directory)) else {
      throw VarveError(.usage, "the directory's path is not UTF-8", hint: "use another path")
    }
    return directory
  }
}
