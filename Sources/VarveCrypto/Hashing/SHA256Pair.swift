internal import COpenSSL
internal import CVarveSHA256
public import VarveFormat

/// SHA-256 of two messages side by side, which takes two thirds of the time of one after the other where
/// the processor can (`CVarveSHA256`), and is the same as two of libcrypto's where it can not.
public enum SHA256Pair {
  private static let blockLength = 64
  private static let isSupported = varve_sha256_pair_is_supported() && agreesWithLibrary()

  /// The digests of two messages; best when they are of about the same length. O(n).
  public static func digests(
    _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) -> (Digest, Digest) {
    var one = varve_sha256_stream()
    var two = varve_sha256_stream()
    varve_sha256_stream_init(&one)
    varve_sha256_stream_init(&two)
    update(&one, first, &two, second)
    return (
      Digest.filled { varve_sha256_stream_finish(&one, $0) },
      Digest.filled { varve_sha256_stream_finish(&two, $0) }
    )
  }

  /// Takes the next bytes of two messages into their streams.
  static func update(
    _ first: UnsafeMutablePointer<varve_sha256_stream>, _ firstBytes: UnsafeRawBufferPointer,
    _ second: UnsafeMutablePointer<varve_sha256_stream>, _ secondBytes: UnsafeRawBufferPointer
  ) {
    // Each message has its own block boundaries; whole blocks begin behind the rest of the one that a
    // stream is in.
    let firstLead = lead(first, firstBytes.count)
    let secondLead = lead(second, secondBytes.count)
    let blocks =
      isSupported
      ? min(firstBytes.count - firstLead, secondBytes.count - secondLead) / blockLength : 0
    guard blocks > 0, let firstStart = firstBytes.baseAddress,
      let secondStart = secondBytes.baseAddress
    else {
      take(firstBytes[...], into: first)
      take(secondBytes[...], into: second)
      return
    }
    let paired = blocks * blockLength
    take(firstBytes[..<firstLead], into: first)
    take(secondBytes[..<secondLead], into: second)
    varve_sha256_compress_pair(
      varve_sha256_stream_state(first), varve_sha256_stream_state(second),
      firstStart + firstLead, secondStart + secondLead, blocks)
    varve_sha256_stream_count(first, paired)
    varve_sha256_stream_count(second, paired)
    take(firstBytes[(firstLead + paired)...], into: first)
    take(secondBytes[(secondLead + paired)...], into: second)
  }

  /// One look before the first use: the states after eight blocks of each message are libcrypto's.
  private static func agreesWithLibrary() -> Bool {
    let length = 8 * blockLength
    return withUnsafeTemporaryAllocation(byteCount: length + 1, alignment: 8) { bytes in
      for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 167 &+ 13) }
      let first = UnsafeRawBufferPointer(rebasing: bytes[..<length])
      let second = UnsafeRawBufferPointer(rebasing: bytes[1...])
      var one = varve_sha256_stream()
      var two = varve_sha256_stream()
      varve_sha256_stream_init(&one)
      varve_sha256_stream_init(&two)
      varve_sha256_compress_pair(
        varve_sha256_stream_state(&one), varve_sha256_stream_state(&two), first.baseAddress!,
        second.baseAddress!, length / blockLength)
      varve_sha256_stream_count(&one, length)
      varve_sha256_stream_count(&two, length)
      return Digest.filled { varve_sha256_stream_finish(&one, $0) } == SHA256.digest(first)
        && Digest.filled { varve_sha256_stream_finish(&two, $0) } == SHA256.digest(second)
    }
  }

  /// Bytes, of `count` that come next, that complete the block which a stream is in.
  static func lead(_ stream: UnsafePointer<varve_sha256_stream>, _ count: Int) -> Int {
    let waiting = varve_sha256_stream_waiting(stream)
    return waiting == 0 ? 0 : min(blockLength - waiting, count)
  }

  private static func take(
    _ bytes: Slice<UnsafeRawBufferPointer>, into stream: UnsafeMutablePointer<varve_sha256_stream>
  ) {
    let bytes = UnsafeRawBufferPointer(rebasing: bytes)
    if let start = bytes.baseAddress, bytes.count > 0 {
      varve_sha256_stream_update(stream, start, bytes.count)
    }
  }
}
