import ArgumentParser
import VarveFormat
import VarveOperations
import VarveRepository
import VarveServer

struct ServeCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve repositories over HTTPS, and the operator's service.",
    usage: "varve serve [<options>] [<directory>]",
    discussion: """
      With a directory it keeps repositories for others (docs/server.md), append-only unless a token says otherwise. \
      With --config, or without a directory, it is the operator's service of that configuration (docs/service.md): \
      /health for watchers, /metrics for Prometheus, an interface for programs below /api/admin/, and pages for people. With \
      both it is both, on one port.

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
        varve serve --config /etc/varve/varve.yaml
      """)

  @Argument(
    help: ArgumentHelp("What holds the repositories; made if need be.", valueName: "directory"))
  var directory: String?

  @OptionGroup var configuration: ConfigurationOptions

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
    guard directory == nil || configuration.file != nil else {
      return try serveStorage(on: console)
    }
    return try serveOperator(on: console)
  }

  private func serveStorage(on console: Console) throws -> ExitStatus {
    guard tlsCert != nil || insecureHttp else {
      throw VarveError(
        .usage, "a server needs a certificate",
        hint: "give --tls-cert and --tls-key, or --insecure-http behind a proxy that has them")
    }
    let certificates = try certificates(nil)
    let path = try WitnessInitCommand.path(directory ?? "")
    let server = try storage(at: path, certificates, on: console)
    let isOpen = noAuth || insecureHttp
    let address =
      listen ?? ListenAddress(argument: isOpen ? "127.0.0.1:8443" : "0.0.0.0:8443")
    guard let address else { throw VarveError(.usage, "there is no address to listen at") }
    try server.run(host: address.host, port: address.port) { host, port in
      announce(host, port, isEncrypted: certificates != nil, "from \(path)", on: console)
    }
    return .success
  }

  /// - Throws: `usage` without tokens, unless none are wanted.
  private func storage(
    at path: String, _ certificates: ServerCertificates?, on console: Console
  ) throws -> StorageServer {
    var options = StorageServer.Options { WallClock.now().seconds }
    options.tokens = noAuth ? nil : try store.file(in: path)
    if let file = options.tokens, try file.tokens().isEmpty {
      throw VarveError(
        .usage, "there are no tokens in \(file.path): nobody could do anything",
        hint: "make one with 'varve server-token add', or give --no-auth")
    }
    options.anonymousKind = anonymousKind.kind
    options.certificates = certificates
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
    return try StorageServer(directory: path, options: options)
  }

  // MARK: The operator's service

  private func serveOperator(on console: Console) throws -> ExitStatus {
    let configuration = try configuration.load(on: console)
    let settings = configuration.service ?? ServiceSettings(listen: "127.0.0.1:8443")
    guard let address = listen ?? ListenAddress(argument: settings.listen) else {
      throw VarveError(
        .usage, "the service cannot listen at '\(ByteText.printable(settings.listen))'",
        hint: "write it as 127.0.0.1:8443")
    }
    let certificates = try certificates(settings)
    guard certificates != nil || insecureHttp || ListenHost.isLoopback(address.host) else {
      throw VarveError(
        .usage, "the service would send tokens in clear from \(address.host)",
        hint: "give it a certificate and its key, or --insecure-http behind a proxy that has them")
    }
    var options = ServiceServer.Options { WallClock.now().seconds }
    options.certificates = certificates
    options.connections = maxConnections
    options.warn = { console.warning($0.message) }
    if let file = settings.tokenFile {
      let tokens = TokenFile(path: try WitnessInitCommand.path(file))
      guard try tokens.tokens().contains(where: { $0.repository == AccessToken.serviceName }) else {
        throw VarveError(
          .usage, "there is no token of the service in \(tokens.path): nobody could look",
          hint: "make one with 'varve server-token add --service \(tokens.path) --label …'")
      }
      options.tokens = tokens
    }
    if let directory {
      options.storage = try storage(
        at: try WitnessInitCommand.path(directory), certificates, on: console)
    }
    let client = try global.client(of: configuration, on: console)
    let reader = StatusReader(
      configuration, client: client, isInterrupted: {}, note: { console.note(level: 2, $0) })
    let operations = ServiceOperations(configuration, client: client) { console.warning($0) }
    let service = try ServiceServer(reader, actions: operations.actions, options: options)
    try service.run(host: address.host, port: address.port) { host, port in
      announce(
        host, port, isEncrypted: certificates != nil,
        directory.map { "for the operator, and from \($0)" } ?? "for the operator", on: console)
    }
    return .success
  }

  private func certificates(_ settings: ServiceSettings?) throws -> ServerCertificates? {
    guard let certificate = tlsCert ?? settings?.certificateFile,
      let key = tlsKey ?? settings?.keyFile
    else { return nil }
    return try ServerCertificates(certificatePath: certificate, keyPath: key)
  }

  private func announce(
    _ host: String, _ port: Int, isEncrypted: Bool, _ what: String, on console: Console
  ) {
    let url = "\(isEncrypted ? "https" : "http")://\(ListenAddress.text(host, port))"
    if console.isJSON {
      try? console.json {
        $0.member("message_type", "serving")
        $0.member("url", url)
      }
    } else {
      try? console.write(Array("serving \(url) \(what)\n".utf8), flushing: true)
    }
  }
}
