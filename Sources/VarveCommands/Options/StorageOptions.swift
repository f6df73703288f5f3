package import ArgumentParser
import VarveFormat
import VarveRemoteStorage
import VarveStorage

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

  package mutating func validate() throws {
    if let connections, !(1...64).contains(connections) {
      throw ValidationError("--connections must be from 1 to 64.")
    }
    for limit in [limitUpload, limitDownload] where limit?.bytes == 0 {
      throw ValidationError("A rate of 0 moves nothing.")
    }
  }
}
