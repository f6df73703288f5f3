import Synchronization
import VarveFormat
import VarveRemoteStorage
import VarveStorage

/// Opens the store that a location names:
///
///     /path, local:/path                                    a directory
///     s3:https://host[:port]/bucket[/prefix], s3://bucket[/prefix]
///     sftp:[user@]host:path, sftp://[user@]host[:port]/path
///     varve+https://host[:port]/repository
struct StorageOpening {
  private static let connectionLimit = 64

  private let options: StorageOptions
  private let environment: ProcessEnvironment
  /// What `--option` gives, by its whole name.
  private let special: [String: String]
  /// Before the names of variables of the environment.
  private let prefix: String
  private let isInterrupted: CancellationCheck
  private let onRetry: @Sendable (VarveError, Double) -> Void

  typealias CancellationCheck = @Sendable () throws -> Void

  init(
    _ options: StorageOptions, environment: ProcessEnvironment, prefix: String,
    isInterrupted: @escaping CancellationCheck,
    onRetry: @escaping @Sendable (VarveError, Double) -> Void
  ) throws {
    self.options = options
    self.environment = environment
    self.prefix = prefix
    self.isInterrupted = isInterrupted
    self.onRetry = onRetry
    var special: [String: String] = [:]
    for option in options.special {
      guard let equals = option.firstIndex(of: "=") else {
        throw VarveError(.usage, "--option takes name=value, not '\(ByteText.printable(option))'")
      }
      special[String(option[..<equals])] = String(option[option.index(after: equals)...])
    }
    self.special = special
  }

  /// - Throws: `VarveError.Code.usage` for what names no store, and for options that make no sense there. Nothing is asked
  ///   of the store yet.
  func open(_ text: String) throws -> any StorageBackend {
    if text.hasPrefix("s3:") {
      let storage = try S3Storage.open(
        try S3Location(text), try s3Options(), environment: ProcessEnvironment.ofAWS())
      return RetryStorage(storage, try retryPolicy())
    }
    if text.hasPrefix("sftp:") {
      return RetryStorage(
        SFTPStorage(try SFTPLocation(text), options: try sftpOptions()), try retryPolicy())
    }
    if ServerLocation.describes(text) {
      _ = try special(of: "server")
      return RetryStorage(
        try ServerStorage(try ServerLocation(text), options: try serverOptions()),
        try retryPolicy())
    }
    _ = try special(of: "local")
    return LocalStorage(path: text.hasPrefix("local:") ? String(text.dropFirst(6)) : text)
  }

  private func variable(_ name: String) -> String? {
    environment[prefix + name] ?? environment["VARVE_" + name]
  }

  private func value<Value>(
    _ given: Value?, _ name: String, _ what: String, _ parse: (String) -> Value?
  ) throws -> Value? {
    if let given { return given }
    guard let text = variable(name) else { return nil }
    guard let value = parse(text) else {
      throw VarveError(.usage, "VARVE_\(name) is no \(what)")
    }
    return value
  }

  private func connections() throws -> Int? {
    try value(options.connections, "CONNECTIONS", "number from 1 to \(Self.connectionLimit)") {
      Int($0).flatMap { (1...Self.connectionLimit).contains($0) ? $0 : nil }
    }
  }

  private func limit(_ given: ByteSize?, _ name: String) throws -> TransferLimit? {
    try value(given, name, "rate such as 2M") {
      ByteSize(argument: $0).flatMap { $0.bytes > 0 ? $0 : nil }
    }.map { TransferLimit(bytesPerSecond: Int(clamping: $0.bytes)) }
  }

  private func retryPolicy() throws -> RetryPolicy {
    let limit = try value(options.retryLimit, "RETRY_LIMIT", "duration such as 15m") {
      IntervalArgument(argument: $0)
    }
    let seconds = limit.map { Double($0.nanoseconds) / 1e9 } ?? RetryPolicy().limit
    return RetryPolicy(limit: seconds, check: isInterrupted, onRetry: onRetry)
  }

  private func exchange() throws -> HTTPExchange.Options {
    var exchange = HTTPExchange.Options()
    if let connections = try connections() { exchange.connections = connections }
    exchange.upload = try limit(options.limitUpload, "LIMIT_UPLOAD")
    exchange.download = try limit(options.limitDownload, "LIMIT_DOWNLOAD")
    exchange.authorities = options.authorities ?? variable("CACERT")
    return exchange
  }

  // MARK: Options of one kind of store

  /// Those of one kind, by the rest of their names.
  private func special(of kind: String) throws -> [(name: String, value: String)] {
    let prefix = kind + "."
    if let other = special.keys.sorted().first(where: { !$0.hasPrefix(prefix) }) {
      throw VarveError(
        .usage, "'\(ByteText.printable(other))' is no option of such a store",
        hint: kind == "s3" || kind == "sftp" ? "its options begin with \(prefix)" : "it has none")
    }
    return special.sorted { $0.key < $1.key }.map {
      (String($0.key.dropFirst(prefix.count)), $0.value)
    }
  }

  private func s3Options() throws -> S3Storage.Options {
    var result = S3Storage.Options()
    result.exchange = try exchange()
    result.retry = try retryPolicy()
    for (name, value) in try special(of: "s3") { try result.set(name, to: value) }
    return result
  }

  private func sftpOptions() throws -> SFTPStorage.Options {
    var result = SFTPStorage.Options()
    if let connections = try connections() { result.connections = connections }
    result.upload = try limit(options.limitUpload, "LIMIT_UPLOAD")
    result.download = try limit(options.limitDownload, "LIMIT_DOWNLOAD")
    for (name, value) in try special(of: "sftp") {
      switch name {
      case "command": result.command = try SSHCommandLine.words(value)
      case "args": result.arguments = try SSHCommandLine.words(value)
      default:
        throw VarveError(
          .usage, "SFTP has no option '\(ByteText.printable(name))'",
          hint: "it has sftp.command and sftp.args")
      }
    }
    return result
  }

  private func serverOptions() throws -> ServerStorage.Options {
    var result = ServerStorage.Options()
    result.exchange = try exchange()
    result.credential = try ServerCredentialSource.credential(
      file: options.serverTokenFile ?? variable("SERVER_TOKEN_FILE"))
    return result
  }
}
