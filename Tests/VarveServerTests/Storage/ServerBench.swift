import Dispatch
import Glibc
import Synchronization
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveServer
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// A server in this process, on a free port of loopback, with its directory and tokens; ends with the test.
final class ServerBench {
  static let repository = "web"

  let directory: TemporaryDirectory
  private let server: StorageServer
  let isEncrypted: Bool
  let port: Int
  let tokens: TokenFile
  private let serving: ServingThread
  private let hasEnded = Atomic<Bool>(false)

  /// - Parameters:
  ///   - directory: that of another server, to go on with; nil for a new one.
  ///   - change: of the options.
  init(
    encrypted: Bool = false, directory: TemporaryDirectory? = nil,
    _ change: (inout StorageServer.Options) throws -> Void = { _ in }
  ) throws {
    let memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil
    self.directory = directory ?? TemporaryDirectory(in: memory)
    isEncrypted = encrypted
    tokens = TokenFile(path: self.directory(".tokens"))
    var options = StorageServer.Options { 1_800_000_000 }
    options.tokens = tokens
    options.followsSignals = false
    options.executor = ThreadExecutor.servers
    options.refreshSeconds = 0.05
    options.requestRate = 1e6
    options.failureRate = 1e6
    if encrypted {
      let authority = try CertificateAuthority.shared.get()
      options.certificates = try ServerCertificates(
        certificatePath: authority.certificate, keyPath: authority.key)
    }
    try change(&options)
    let server = try StorageServer(directory: self.directory.path, options: options)
    self.server = server
    serving = try ServingThread { try server.run(host: $0, port: $1, started: $2) }
    port = serving.port
  }

  deinit { stop() }

  /// Asks it to stop and waits until it has.
  func stop() {
    guard !hasEnded.exchange(true, ordering: .relaxed) else { return }
    server.stop()
    serving.wait()
  }

  func reload() { server.reload() }

  /// Whether it stops of itself, asked now, within so many seconds.
  func stops(within seconds: Int) -> Bool {
    hasEnded.store(true, ordering: .relaxed)
    server.stop()
    return serving.ends(within: seconds)
  }

  /// A new token's secret.
  func token(
    _ kind: AccessKind, for repository: String = ServerBench.repository, expires: Int64? = nil
  ) throws -> String {
    let made = try AccessToken.make(
      label: "\(kind) \(UInt64.random(in: 0...UInt64.max))", kind: kind, repository: repository,
      expires: expires, now: 1_800_000_000)
    try tokens.add(made.token)
    reload()
    return made.secret.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  /// A client of a repository that is there.
  func storage(
    _ kind: AccessKind, of repository: String = ServerBench.repository, connections: Int = 8,
    pageLimit: Int = 5_000
  ) throws -> ServerStorage {
    let place = LocalStorage(path: directory(repository))
    if !place.exists { try place.create() }
    return try storage(
      token: try token(kind, for: repository), of: repository, connections: connections,
      pageLimit: pageLimit)
  }

  func storage(
    token: String?, of repository: String = ServerBench.repository, connections: Int = 8,
    pageLimit: Int = 5_000
  ) throws -> ServerStorage {
    var options = ServerStorage.Options()
    options.credential = try token.map {
      try ServerCredential(SecretBytes(copying: Array($0.utf8)))
    }
    options.exchange.connections = connections
    if isEncrypted {
      options.exchange.authorities = try CertificateAuthority.shared.get().authority
    }
    options.pageLimit = pageLimit
    return try ServerStorage(
      ServerLocation("varve+http\(isEncrypted ? "s" : "")://127.0.0.1:\(port)/\(repository)"),
      options: options)
  }

  /// The repository's directory, as a local store.
  func local(_ repository: String = ServerBench.repository) -> LocalStorage {
    LocalStorage(path: directory(repository))
  }

  /// Asks once, without the client.
  func ask(
    _ method: String, _ path: String, token: String? = nil, _ fields: [String] = [],
    body: [UInt8]? = nil
  ) throws -> RawConnection.Answer {
    let connection = try RawConnection(port: port)
    try connection.send(
      RawConnection.request(method, path, token: token, fields + ["Connection: close"], body: body))
    return try connection.answer(isHead: method == "HEAD")
  }
}
