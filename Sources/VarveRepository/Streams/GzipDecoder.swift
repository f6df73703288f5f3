internal import CZlib
internal import VarveFormat

/// gzip (RFC 1952): any number of members one after another, then any number of zeros. Each member's length and CRC are
/// checked. Memory: zlib's window, 32 KiB, and some.
package final class GzipDecoder: StreamDecoder {
  private static let zlibOrGzipHeader: Int32 = 15 + 16

  private let stream: UnsafeMutablePointer<z_stream>
  private var isPadding = false
  package private(set) var isAtBoundary = false

  /// - Throws: `.io` when zlib cannot allocate its state.
  package init() throws {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard
      inflateInit2_(
        stream, Self.zlibOrGzipHeader, zlibVersion(), Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else {
      stream.deallocate()
      throw VarveError(.io, "zlib cannot allocate a decompression state")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  package func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws -> (taken: Int, given: Int) {
    if isAtBoundary, let first = input.first {
      if isPadding || first == 0 {
        isPadding = true
        guard input.allSatisfy({ $0 == 0 }) else { throw failure("bytes that are no gzip follow") }
        return (input.count, 0)
      }
      guard inflateReset(stream) == Z_OK else { throw failure("it cannot be begun again") }
      isAtBoundary = false
    }
    if isAtBoundary { return (0, 0) }
    let room = UInt32(clamping: output.count)
    let available = UInt32(clamping: input.count)
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = available
    stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = room
    let result = inflate(stream, Z_NO_FLUSH)
    switch result {
    case Z_OK, Z_BUF_ERROR: break
    case Z_STREAM_END: isAtBoundary = true
    default: throw failure(stream.pointee.msg.map { String(cString: $0) } ?? "error \(result)")
    }
    return (Int(available - stream.pointee.avail_in), Int(room - stream.pointee.avail_out))
  }

  private func failure(_ what: String) -> VarveError {
    VarveError(.io, "it is no whole gzip stream: \(what)")
  }
}
