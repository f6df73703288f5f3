import Synchronization
import VarveCrypto
import VarveFormat
import VarveRemoteStorage

/// Where a client's token for a server comes from.
enum ServerCredentialSource {
  private struct Remembered {
    let location: String
    let credential: ServerCredential
  }

  /// What the environment gave, for a process that opens the same store again; no other store gets it.
  private static let remembered = Mutex<Remembered?>(nil)

  /// The token in `file`, else in `VARVE_SERVER_TOKEN`, which is taken out of the environment either way; nil for none.
  ///
  /// - Throws: `io` when the file cannot be read, `usage` for what is no token.
  static func credential(file: String?, for location: String) throws -> ServerCredential? {
    var secret: SecretBytes?
    _ = SecretEnvironment.take("VARVE_SERVER_TOKEN") { bytes in
      if !bytes.isEmpty { secret = SecretBytes(copying: bytes) }
    }
    if let file { return try ServerCredential(SecretFile.password(at: file)) }
    guard let secret else {
      return remembered.withLock { $0?.location == location ? $0?.credential : nil }
    }
    let credential = try ServerCredential(secret)
    remembered.withLock { $0 = Remembered(location: location, credential: credential) }
    return credential
  }
}
