import Synchronization
import VarveCrypto
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
  /// What the store's own options are, each until it is asked for.
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
      try requireOptions(of: "s3")
      let storage = try S3Storage.open(
        try S3Location(text), try s3Options(), environment: ProcessEnvironment.ofAWS())
      return RetryStorage(storage, try retryPolicy())
    }
    if text.hasPrefix("sftp:") {
      try requireOptions(of: "sftp")
      return RetryStorage(
        SFTPStorage(try SFTPLocation(text), options: try sftpOptions()), try retryPolicy())
    }
    if ServerLocation.describes(text) {
      try requireOptions(of: "server")
      return RetryStorage(
        try ServerStorage(try ServerLocation(text), options: try serverOptions()),
        try retryPolicy())
    }
    try requireOptions(of: "local")
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

  private func requireOptions(of kind: String) throws {
    let known: Set<String> =
      switch kind {
      case "s3":
        [
          "s3.region", "s3.bucket-lookup", "s3.storage-class", "s3.checksum", "s3.lock-mode",
          "s3.lock-days", "s3.adds-only",
        ]
      case "sftp": ["sftp.command", "sftp.args"]
      default: []
      }
    guard let other = special.keys.sorted().first(where: { !known.contains($0) }) else { return }
    throw VarveError(
      .usage, "'\(ByteText.printable(other))' is no option of such a store",
      hint: known.isEmpty ? nil : "there are \(known.sorted().joined(separator: ", "))")
  }

  /// One of the words that an option can be.
  private func word<Value: RawRepresentable & CaseIterable>(
    _ name: String, _: Value.Type
  ) throws -> Value? where Value.RawValue == String {
    guard let text = special[name] else { return nil }
    guard let value = Value(rawValue: text) else {
      throw VarveError(
        .usage, "\(name) cannot be '\(ByteText.printable(text))'",
        hint: "it is one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return value
  }

  private func s3Options() throws -> S3Storage.Options {
    var result = S3Storage.Options()
    result.exchange = try exchange()
    result.retry = try retryPolicy()
    result.region = special["s3.region"]
    result.storageClass = special["s3.storage-class"]
    if let addressing = try word("s3.bucket-lookup", S3Storage.Addressing.self) {
      result.addressing = addressing
    }
    if let checksum = try word("s3.checksum", S3Storage.Checksum.self) {
      result.checksum = checksum
    }
    switch (try word("s3.lock-mode", S3Storage.Retention.Mode.self), special["s3.lock-days"]) {
    case (nil, nil): break
    case (let mode?, let days?):
      guard let days = Int(days) else {
        throw VarveError(.usage, "s3.lock-days is no number")
      }
      result.retention = try S3Storage.Retention(mode, days: days)
    default:
      throw VarveError(.usage, "s3.lock-mode and s3.lock-days belong together")
    }
    switch special["s3.adds-only"] {
    case nil, "false": break
    case "true": result.addsOnly = true
    default: throw VarveError(.usage, "s3.adds-only is true or false")
    }
    return result
  }

  private func sftpOptions() throws -> SFTPStorage.Options {
    var result = SFTPStorage.Options()
    if let connections = try connections() { result.connections = connections }
    result.upload = try limit(options.limitUpload, "LIMIT_UPLOAD")
    result.download = try limit(options.limitDownload, "LIMIT_DOWNLOAD")
    result.command = try special["sftp.command"].map(SSHCommandLine.words)
    result.arguments = try special["sftp.args"].map(SSHCommandLine.words) ?? []
    return result
  }

  private func serverOptions() throws -> ServerStorage.Options {
    var result = ServerStorage.Options()
    result.exchange = try exchange()
    result.credential = try serverCredential()
    return result
  }

  private func serverCredential() throws -> ServerCredential? {
    if let file = options.serverTokenFile ?? variable("SERVER_TOKEN_FILE") {
      return try ServerCredential(try SecretFile.password(at: file))
    }
    for name in [prefix + "SERVER_TOKEN", "VARVE_SERVER_TOKEN"] {
      var secret: SecretBytes?
      _ = ProcessEnvironment.takeSecret(name) { secret = SecretBytes(copying: $0) }
      if let secret { return try ServerCredential(secret) }
    }
    return nil
  }
}
