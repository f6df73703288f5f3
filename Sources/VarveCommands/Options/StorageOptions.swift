import ArgumentParser
import VarveFormat
import VarveOperations

/// How a repository's store is reached.
package struct StorageOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Transfers at one time, where the store is not local. (environment: VARVE_CONNECTIONS; default: 16, SFTP 5)",
      valueName: "n"))
  var connections: Int?

  @Option(
    help: ArgumentHelp(
      "Send at most this many bytes a second, such as 2M. (environment: VARVE_LIMIT_UPLOAD)",
      valueName: "size"))
  var limitUpload: ByteSize?

  @Option(
    help: ArgumentHelp(
      "Receive at most this many bytes a second. (environment: VARVE_LIMIT_DOWNLOAD)",
      valueName: "size"))
  var limitDownload: ByteSize?

  @Option(
    help: ArgumentHelp(
      "Go on asking a store that does not answer for so long. (environment: VARVE_RETRY_LIMIT; default: 15m)",
      valueName: "duration"))
  var retryLimit: IntervalArgument?

  @Option(
    name: .customLong("cacert"),
    help: ArgumentHelp(
      "Certificates (PEM) of the authorities to believe over HTTPS in place of the system's. (environment: VARVE_CACERT)",
      valueName: "file"))
  var authorities: String?

  @Option(
    help: ArgumentHelp(
      "Read the token for a Varve server from a file. (environment: VARVE_SERVER_TOKEN_FILE, or the token in VARVE_SERVER_TOKEN)",
      valueName: "file"))
  var serverTokenFile: String?

  @Option(
    name: .customLong("option"),
    help: ArgumentHelp(
      "Of one kind of store: s3.region, s3.addressing, s3.storage-class, s3.checksum, s3.retention, s3.adds-only, sftp.command, sftp.args. May be given several times.",
      valueName: "name=value"))
  var special: [String] = []

  package init() {}

  private static let possibleConnections = 1...64

  package mutating func validate() throws {
    if let connections, !Self.possibleConnections.contains(connections) {
      throw ValidationError("--connections must be from 1 to 64.")
    }
    for limit in [limitUpload, limitDownload] where limit?.bytes == 0 {
      throw ValidationError("A rate of 0 moves nothing.")
    }
  }
}

extension StorageOptions {
  /// What the options say, else variables of the environment whose names begin with `prefix`, else with `VARVE_`. What a
  /// store in a directory has no use for is not looked at.
  func settings(
    for location: String, environment: ProcessEnvironment, prefix: String
  ) throws -> StorageSettings {
    var settings = StorageSettings()
    for option in special {
      guard let equals = option.firstIndex(of: "=") else {
        throw VarveError(.usage, "--option takes name=value, not '\(ByteText.printable(option))'")
      }
      settings.special[String(option[..<equals])] = String(option[option.index(after: equals)...])
    }
    guard !StorageOpening.isDirectory(location) else { return settings }
    func variable(_ name: String) -> String? {
      environment[prefix + name] ?? environment["VARVE_" + name]
    }
    func value<Value>(
      _ given: Value?, _ name: String, _ what: String, _ parse: (String) -> Value?
    ) throws -> Value? {
      if let given { return given }
      guard let text = variable(name) else { return nil }
      guard let value = parse(text) else {
        throw VarveError(.usage, "VARVE_\(name) is no \(what)")
      }
      return value
    }
    func limit(_ given: ByteSize?, _ name: String) throws -> Int? {
      try value(given, name, "rate such as 2M") {
        ByteSize($0).flatMap { $0.bytes > 0 ? $0 : nil }
      }.map { Int(clamping: $0.bytes) }
    }
    let possible = Self.possibleConnections
    settings.connections = try value(
      connections, "CONNECTIONS", "number from \(possible.lowerBound) to \(possible.upperBound)"
    ) {
      Int($0).flatMap { possible.contains($0) ? $0 : nil }
    }
    settings.uploadLimit = try limit(limitUpload, "LIMIT_UPLOAD")
    settings.downloadLimit = try limit(limitDownload, "LIMIT_DOWNLOAD")
    settings.retryLimit = try value(
      retryLimit, "RETRY_LIMIT", "duration such as 15m", IntervalArgument.init
    ).map { Double($0.nanoseconds) / 1e9 }
    settings.authorities = authorities ?? variable("CACERT")
    settings.serverTokenFile = serverTokenFile ?? variable("SERVER_TOKEN_FILE")
    return settings
  }
}
