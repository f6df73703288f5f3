internal import COpenSSL
public import VarveFormat

/// SHA-256 of bytes that come in pieces; one libcrypto context, reused from message to message.
///
/// Belongs to one thread at a time. `update` and `finish` allocate nothing.
public final class SHA256Stream {
  // Fetching walks the providers and takes locks, so it is done once a process.
  nonisolated(unsafe) private static let algorithm: OpaquePointer = {
    guard let algorithm = EVP_MD_fetch(nil, "SHA2-256", nil) else {
      preconditionFailure("libcrypto offers no SHA-256")
    }
    return algorithm
  }()

  private let context: OpaquePointer

  public init() {
    guard let context = EVP_MD_CTX_new() else { preconditionFailure("out of memory") }
    self.context = context
    start()
  }

  deinit { EVP_MD_CTX_free(context) }

  private func start() {
    let result = EVP_DigestInit_ex2(context, Self.algorithm, nil)
    precondition(result == 1, "libcrypto cannot start SHA-256")
  }

  /// Takes in the next bytes of the message. O(n).
  public func update(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress, bytes.count > 0 else { return }
    let result = EVP_DigestUpdate(context, start, bytes.count)
    precondition(result == 1, "libcrypto cannot continue SHA-256")
  }

  /// The digest of everything since the last `finish`; the stream is then empty again.
  public func finish() -> Digest {
    let digest = Digest.filled {
      let result = EVP_DigestFinal_ex(context, $0, nil)
      precondition(result == 1, "libcrypto cannot finish SHA-256")
    }
    start()
    return digest
  }

  /// Forgets what has been taken in since the last `finish`.
  public func reset() { start() }
}
