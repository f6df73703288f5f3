import NIOSSL
import Synchronization
import VarveFormat

/// The server's certificate and key, from files that may change while it runs.
public final class ServerCertificates: Sendable {
  private let certificatePath: String
  private let keyPath: String
  private let current: Mutex<NIOSSLContext>

  /// - Parameters:
  ///   - certificatePath: the certificate and those between it and an authority, PEM.
  ///   - keyPath: its private key, PEM.
  /// - Throws: `VarveError.Code.usage` when they cannot be read, or do not belong together.
  public init(certificatePath: String, keyPath: String) throws {
    self.certificatePath = certificatePath
    self.keyPath = keyPath
    current = Mutex(try Self.context(certificatePath, keyPath))
  }

  var context: NIOSSLContext { current.withLock { $0 } }

  /// Reads the files again; connections that are open keep what they have.
  ///
  /// - Throws: as `init`; then everything stays as it was.
  func reload() throws {
    let new = try Self.context(certificatePath, keyPath)
    current.withLock { $0 = new }
  }

  private static func context(_ certificatePath: String, _ keyPath: String) throws -> NIOSSLContext
  {
    do {
      let certificates = try NIOSSLCertificate.fromPEMFile(certificatePath)
      let key = try NIOSSLPrivateKey(file: keyPath, format: .pem)
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(key))
      configuration.minimumTLSVersion = .tlsv12
      configuration.applicationProtocols = ["http/1.1"]
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw VarveError(
        .usage, "the certificate \(certificatePath) and the key \(keyPath) cannot be used",
        hint:
          "both are PEM files, the certificate first in its file, and the key is the certificate's",
        cause: error)
    }
  }
}
