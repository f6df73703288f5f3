internal import COpenSSL
public import VarveFormat

/// SHA-256 of bytes that come in pieces; one context, reused from message to message.
///
/// Belongs to one thread at a time. Nothing is allocated but the object itself.
public final class SHA256Stream {
  let context = UnsafeMutablePointer<varve_sha256_stream>.allocate(capacity: 1)

  public init() {
    context.initialize(to: varve_sha256_stream())
    reset()
  }

  deinit { context.deallocate() }

  /// Takes in the next bytes of the message. O(n).
  public func update(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress, bytes.count > 0 else { return }
    varve_sha256_stream_update(context, start, bytes.count)
  }

  /// Takes in the next bytes of the message and gives their own digest. O(n).
  ///
  /// The two are computed side by side (`SHA256Pair`).
  public func digest(takingIn bytes: UnsafeRawBufferPointer) -> Digest {
    var own = varve_sha256_stream()
    varve_sha256_stream_init(&own)
    SHA256Pair.update(context, bytes, &own, bytes)
    return Digest.filled { varve_sha256_stream_finish(&own, $0) }
  }

  /// Takes in what completes the block that it is in.
  ///
  /// - Returns: how many bytes of `bytes` that were.
  func takeLead(of bytes: UnsafeRawBufferPointer) -> Int {
    let lead = SHA256Pair.lead(context, bytes.count)
    if lead > 0 { update(UnsafeRawBufferPointer(rebasing: bytes[..<lead])) }
    return lead
  }

  /// The digest of everything since the last `finish`; the stream is then empty again.
  public func finish() -> Digest {
    let digest = Digest.filled { varve_sha256_stream_finish(context, $0) }
    reset()
    return digest
  }

  /// Forgets what has been taken in since the last `finish`.
  public func reset() { varve_sha256_stream_init(context) }
}
