import VarveCrypto
import VarveFormat
import VarveRemoteStorage

/// Where a client's token for a server comes from.
enum ServerCredentialSource {
  /// The token in `file`, else in `VARVE_SERVER_TOKEN`, which is taken out of the environment either way; nil for none.
  ///
  /// - Throws: `io` when the file cannot be read, `usage` for what is no token.
  static func credential(file: String?) throws -> ServerCredential? {
    var secret: SecretBytes?
    _ = ProcessEnvironment.takeSecret("VARVE_SERVER_TOKEN") { bytes in
      if !bytes.isEmpty { secret = SecretBytes(copying: bytes) }
    }
    if let file { return try ServerCredential(SecretFile.password(at: file)) }
    guard let secret else { return nil }
    return try ServerCredential(secret)
  }
}
