internal import CZstd
internal import VarveFormat

/// Turns a frame back into its payload, trusting nothing that the frame says. One per thread.
package final class BlockDecompressor {
  private let context: OpaquePointer
  private var buffer: ReusableBuffer

  /// - Throws: `.io` when memory cannot be had.
  package init() throws {
    guard let created = ZSTD_createDCtx() else {
      throw VarveError(.io, "zstd cannot allocate a decompression context")
    }
    context = created
    buffer = try ReusableBuffer(capacity: 2 << 20)
  }

  deinit { ZSTD_freeDCtx(context) }

  /// The payload of `frame`: a part of `frame` itself when it is raw, else this object's buffer,
  /// valid until the next call.
  ///
  /// - Throws: `.damaged` for an unknown codec, a bad or second zstd frame, a length that is not stated or
  ///   exceeds `PackLimits.blockPayloadByteCount`.
  package func payload(of frame: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer {
    guard let codec = frame.first.flatMap(FrameCodec.init) else {
      throw VarveError(.damaged, "a block has an unknown codec")
    }
    let body = UnsafeRawBufferPointer(rebasing: frame.dropFirst())
    switch codec {
    case .raw:
      guard body.count <= PackLimits.blockPayloadByteCount else { throw Self.tooLong }
      return body
    case .zstd:
      return try decompress(body)
    }
  }

  private func decompress(_ body: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer {
    let stated = ZSTD_getFrameContentSize(body.baseAddress, body.count)
    // The two largest values say "unknown" and "error".
    guard stated <= UInt64(PackLimits.blockPayloadByteCount) else { throw Self.tooLong }
    guard ZSTD_findFrameCompressedSize(body.baseAddress, body.count) == body.count else {
      throw VarveError(.damaged, "a block is not exactly one zstd frame")
    }
    let length = Int(stated)
    if buffer.capacity < length { buffer = try ReusableBuffer(capacity: length) }
    let written = ZSTD_decompressDCtx(context, buffer.base, length, body.baseAddress, body.count)
    guard ZSTD_isError(written) == 0, written == length else {
      throw VarveError(.damaged, "a block does not decompress")
    }
    return UnsafeRawBufferPointer(start: buffer.base, count: length)
  }

  private static var tooLong: VarveError {
    VarveError(
      .damaged,
      "a block does not state a length of at most \(PackLimits.blockPayloadByteCount) bytes")
  }
}
