import ArgumentParser
import VarveFormat
import VarveOperations
import VarveRepository
import VarveServer

struct ServeCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve repositories over HTTPS, append-only unless a token says otherwise.",
    usage: "varve serve [<options>] --tls-cert <file> --tls-key <file> <directory>",
    discussion: """
      Each directory below <directory> is a repository, laid out as a local one. Clients name it \
      varve+https://host:8443/<name> and bring a token (varve server-token). The server has no key of any \
      repository: it keeps bytes under names, and verifies those that are named by their SHA-256.

      SIGTERM ends it after the requests under way; SIGHUP has it read certificate and tokens again. Changed tokens \
      are noticed within seconds anyway. The interface is described in docs/server-openapi.yaml, which it answers \
      at /openapi.yaml.

      Examples:
        varve server-token add --label web1 --kind append /srv/varve web1
        varve serve --tls-cert chain.pem --tls-key key.pem /srv/varve
        varve serve --insecure-http --listen 127.0.0.1:8080 /srv/varve     behind a proxy with TLS
      """)

  @Argument(
    help: ArgumentHelp("What holds the repositories; made if need be.", valueName: "directory"))
  var directory: String

  @Option(
    help: ArgumentHelp(
      "Where to listen; port 0 is any that is free, and is printed. (default: 0.0.0.0:8443, or 127.0.0.1:8443 without TLS or tokens)",
      valueName: "host:port"))
  var listen: ListenAddress?

  @Option(
    help: ArgumentHelp(
      "The server's certificate and those between it and its authority, in PEM.", valueName: "file")
  )
  var tlsCert: String?

  @Option(help: ArgumentHelp("The certificate's private key, in PEM.", valueName: "file"))
  var tlsKey: String?

  @Flag(
    help: "Without TLS: tokens and data are readable on their way. For loopback, or behind a proxy."
  )
  var insecureHttp = false

  @OptionGroup var store: TokenStoreOptions

  @Flag(
    help:
      "Without tokens: whoever reaches the port may do what --anonymous-kind says, with every repository."
  )
  var noAuth = false

  @Option(help: ArgumentHelp("With --no-auth: read, append or full.", valueName: "kind"))
  var anonymousKind: AccessKindArgument = AccessKindArgument(kind: .append)

  @Option(
    name: .customLong("quota"),
    help: ArgumentHelp(
      "How much each repository may hold, such as 200G, or a certain one: web=50G. May be repeated. (default: no limit)",
      valueName: "[name=]size"))
  var quotas: [QuotaArgument] = []

  @Option(help: ArgumentHelp("The largest object.", valueName: "size"))
  var maxObjectSize = ByteSize(bytes: (1 << 30) + (64 << 20))

  @Option(help: ArgumentHelp("Connections at one time; more wait.", valueName: "n"))
  var maxConnections = 512

  @Option(help: ArgumentHelp("Uploads at one time; more wait.", valueName: "n"))
  var maxUploads = 64

  @Option(
    help: ArgumentHelp(
      "Requests a second with one token (without tokens: from one address); more are told to come again.",
      valueName: "n"))
  var requestRate = 1_000

  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    guard (tlsCert == nil) == (tlsKey == nil) else {
      throw ValidationError("--tls-cert and --tls-key belong together.")
    }
    guard tlsCert == nil || !insecureHttp else {
      throw ValidationError("--insecure-http and --tls-cert exclude each other.")
    }
    for number in [maxConnections, maxUploads, requestRate] where !(1...1_000_000).contains(number)
    {
      throw ValidationError("The numbers of connections, uploads and requests are 1 to 1000000.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    guard tlsCert != nil || insecureHttp else {
      throw VarveError(
        .usage, "a server needs a certificate",
        hint: "give --tls-cert and --tls-key, or --insecure-http behind a proxy that has them")
    }
    let path = try WitnessInitCommand.path(directory)
    var options = StorageServer.Options { WallClock.now().seconds }
    options.tokens = noAuth ? nil : try store.file(in: path)
    if let file = options.tokens, try file.tokens().isEmpty {
      throw VarveError(
        .usage, "there are no tokens in \(file.path): nobody could do anything",
        hint: "make one with 'varve server-token add', or give --no-auth")
    }
    options.anonymousKind = anonymousKind.kind
    if let tlsCert, let tlsKey {
      options.certificates = try ServerCertificates(certificatePath: tlsCert, keyPath: tlsKey)
    }
    for quota in quotas {
      if let name = quota.repository {
        options.quotas.named[name] = quota.bytes
      } else {
        options.quotas.general = quota.bytes
      }
    }
    options.largestObject = Int(clamping: maxObjectSize.bytes)
    options.connections = maxConnections
    options.uploads = maxUploads
    options.requestRate = Double(requestRate)
    options.warn = { console.warning($0.message) }
    if noAuth { console.warning("whoever reaches this server may use it: --no-auth") }
    let isOpen = noAuth || insecureHttp
    let address =
      listen ?? ListenAddress(argument: isOpen ? "127.0.0.1:8443" : "0.0.0.0:8443")
    guard let address else { throw VarveError(.usage, "there is no address to listen at") }
    let scheme = insecureHttp ? "http" : "https"
    let isJSON = console.isJSON
    try StorageServer(directory: path, options: options)
      .run(host: address.host, port: address.port) { host, port in
        let url = "\(scheme)://\(ListenAddress.text(host, port))"
        if isJSON {
          try? console.json {
            $0.member("message_type", "serving")
            $0.member("url", url)
          }
        } else {
          try? console.write(Array("serving \(url) from \(path)\n".utf8), flushing: true)
        }
      }
    return .success
  }
}
