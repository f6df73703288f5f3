package import VarveFormat
import VarveRemoteStorage
package import VarveStorage

/// Opens the store that a location names:
///
///     /path, local:/path                                    a directory
///     s3:https://host[:port]/bucket[/prefix], s3://bucket[/prefix]
///     sftp:[user@]host:path, sftp://[user@]host[:port]/path
///     varve+https://host[:port]/repository
package struct StorageOpening: Sendable {
  private let settings: StorageSettings
  private let isInterrupted: @Sendable () throws -> Void
  private let onRetry: @Sendable (VarveError, Double) -> Void

  package init(
    _ settings: StorageSettings, isInterrupted: @escaping @Sendable () throws -> Void,
    onRetry: @escaping @Sendable (VarveError, Double) -> Void
  ) {
    self.settings = settings
    self.isInterrupted = isInterrupted
    self.onRetry = onRetry
  }

  /// Whether `location` names a directory.
  package static func isDirectory(_ location: String) -> Bool { Kind(location) == .directory }

  /// - Throws: `VarveError.Code.usage` for what names no store, and for options that make no sense there. Nothing is asked
  ///   of the store yet.
  package func open(_ location: String) throws -> any StorageBackend {
    switch try Place(location) {
    case .s3(let place):
      let storage = try S3Storage.open(
        place, try s3Options(), environment: SecretEnvironment.ofAWS())
      return RetryStorage(storage, retryPolicy())
    case .sftp(let place):
      return RetryStorage(SFTPStorage(place, options: try sftpOptions()), retryPolicy())
    case .server(let place):
      try requireNoOptions()
      return RetryStorage(
        try ServerStorage(place, options: try serverOptions(location)), retryPolicy())
    case .directory(let path):
      try requireNoOptions()
      return LocalStorage(path: path)
    }
  }

  private enum Kind {
    case s3, sftp, server, directory

    init(_ location: String) {
      if S3Location.isMeant(by: location) {
        self = .s3
      } else if SFTPLocation.isLocation(location) {
        self = .sftp
      } else if ServerLocation.describes(location) {
        self = .server
      } else {
        self = .directory
      }
    }
  }

  private enum Place {
    case s3(S3Location)
    case sftp(SFTPLocation)
    case server(ServerLocation)
    case directory(String)

    init(_ location: String) throws {
      switch Kind(location) {
      case .s3: self = .s3(try S3Location(location))
      case .sftp: self = .sftp(try SFTPLocation(location))
      case .server: self = .server(try ServerLocation(location))
      case .directory: self = .directory(try Self.path(location))
      }
    }

    private static func path(_ location: String) throws -> String {
      if location.hasPrefix("local:") { return String(location.dropFirst(6)) }
      // b2:bucket, user@host:path and their like are other tools' places, and were surely not meant as directories here.
      guard !location.prefix(while: { $0 != "/" }).contains(":") else {
        let shown = location.contains("@") ? "the location" : "'\(ByteText.printable(location))'"
        throw VarveError(
          .usage,
          "\(shown) names no store: what stands before its first colon is none of s3, sftp, varve+https, varve+http and local",
          hint: "a directory of an SSH server is sftp:user@host:path; "
            + "one of this machine with a colon in its name is local:PATH")
      }
      return location
    }
  }

  /// - Throws: `VarveError.Code.usage` for what names no store.
  package static func checkLocation(_ location: String) throws { _ = try Place(location) }

  /// - Throws: `VarveError.Code.usage` when a store at this place has no such option, or not with this value.
  package static func checkOption(_ name: String, _ value: String, of location: String) throws {
    var settings = StorageSettings()
    settings.special[name] = value
    let opening = StorageOpening(settings, isInterrupted: {}, onRetry: { _, _ in })
    switch Kind(location) {
    case .s3: _ = try opening.s3Options()
    case .sftp: _ = try opening.sftpOptions()
    case .server, .directory: try opening.requireNoOptions()
    }
  }

  private func retryPolicy() -> RetryPolicy {
    RetryPolicy(
      limit: settings.retryLimit ?? RetryPolicy().limit, check: isInterrupted, onRetry: onRetry)
  }

  private func exchange() -> HTTPExchange.Options {
    var exchange = HTTPExchange.Options()
    if let connections = settings.connections { exchange.connections = connections }
    exchange.upload = settings.uploadLimit.map { TransferLimit(bytesPerSecond: $0) }
    exchange.download = settings.downloadLimit.map { TransferLimit(bytesPerSecond: $0) }
    exchange.authorities = settings.authorities
    return exchange
  }

  // MARK: Options of one kind of store

  private func requireNoOptions() throws {
    guard let name = settings.special.keys.min() else { return }
    throw Self.isNone(name, hint: "it has none")
  }

  private static func isNone(_ name: String, hint: String) -> VarveError {
    VarveError(
      .usage, "'\(ByteText.printable(name))' is no option of such a store", hint: hint)
  }

  /// Those of one kind, by the rest of their names.
  private func special(of kind: String) throws -> [(name: String, value: String)] {
    let prefix = kind + "."
    if let other = settings.special.keys.sorted().first(where: { !$0.hasPrefix(prefix) }) {
      throw Self.isNone(other, hint: "its options begin with \(prefix)")
    }
    return settings.special.sorted { $0.key < $1.key }.map {
      (String($0.key.dropFirst(prefix.count)), $0.value)
    }
  }

  private func s3Options() throws -> S3Storage.Options {
    var result = S3Storage.Options()
    result.exchange = exchange()
    result.retry = retryPolicy()
    for (name, value) in try special(of: "s3") { try result.set(name, to: value) }
    return result
  }

  private func sftpOptions() throws -> SFTPStorage.Options {
    var result = SFTPStorage.Options()
    if let connections = settings.connections { result.connections = connections }
    result.upload = settings.uploadLimit.map { TransferLimit(bytesPerSecond: $0) }
    result.download = settings.downloadLimit.map { TransferLimit(bytesPerSecond: $0) }
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

  private func serverOptions(_ location: String) throws -> ServerStorage.Options {
    var result = ServerStorage.Options()
    result.exchange = exchange()
    result.credential = try ServerCredentialSource.credential(
      file: settings.serverTokenFile, for: location)
    return result
  }
}
