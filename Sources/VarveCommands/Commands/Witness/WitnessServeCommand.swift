import ArgumentParser
import VarveFormat
import VarveProof
import VarveRepository
import VarveServer
import VarveStorage

struct WitnessServeCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Cosign checkpoints that are sent over HTTP.",
    usage: "varve witness serve [<options>] <directory>",
    discussion: """
      Serves c2sp.org/tlog-witness: POST /add-checkpoint, GET /<origin hash>/checkpoint. The list of logs is \
      read when it starts. It speaks HTTP without encryption: put a proxy with a certificate in front \
      of it, or use a private network. SIGTERM ends it after the requests under way. What a log signed and what could \
      not be cosigned is kept below conflicts/: in forks/ what shows that a log has two histories.

      Example:
        varve witness serve /srv/witness --listen 127.0.0.1:8080
      """)

  @Argument(help: ArgumentHelp("The witness's directory.", valueName: "directory"))
  var directory: String

  @Option(
    help: ArgumentHelp(
      "Where to listen; port 0 is any that is free, and is printed.", valueName: "host:port"))
  var listen = "127.0.0.1:8080"

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    guard let colon = listen.lastIndex(of: ":"),
      let port = UInt16(listen[listen.index(after: colon)...]), colon != listen.startIndex
    else {
      throw VarveError(.usage, "'\(listen)' is no host and port", hint: "give 127.0.0.1:8080, say")
    }
    let host = String(listen[..<colon].filter { $0 != "[" && $0 != "]" })
    let path = try WitnessInitCommand.path(directory)
    let lock = try DirectoryLock(path)
    defer { lock.release() }
    let witness = try Witness(
      storage: LocalStorage(path: path), onFailure: { console.warning(ByteText.printable($0)) },
      clock: { WallClock.now().seconds })
    let isJSON = console.isJSON
    let key = witness.key.text
    try WitnessServer(witness).run(host: host, port: Int(port)) { host, port in
      let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
      if isJSON {
        try? console.json {
          $0.member("message_type", "serving")
          $0.member("url", "http://\(address)")
          $0.member("key", key)
        }
      } else {
        try? console.write(Array("serving http://\(address) as \(key)\n".utf8), flushing: true)
      }
    }
    return .success
  }
}
