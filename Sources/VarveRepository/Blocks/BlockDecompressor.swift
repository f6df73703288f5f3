internal import CZstd
internal import VarveFormat

/// Turns a frame back into its payload, trusting nothing that the frame says. One per thread.
package final class BlockDecompressor {
  private let context: OpaquePointer

  /// - Throws: `.io` when memory cannot be had.
  package init() throws {
    guard let created = ZSTD_createDCtx() else {
      throw VarveError(.io, "zstd cannot allocate a decompression context")
    }
    context = created
  }

  deinit { ZSTD_freeDCtx(context) }

  /// Whether what follows the first byte of `frame` is the payload as it is.
  package func isRaw(_ frame: UnsafeRawBufferPointer) -> Bool {
    frame.first == FrameCodec.raw.rawValue
  }

  /// Bytes of the payload of `frame`, as it states them.
  ///
  /// - Throws: `.damaged` for an unknown codec, or a length that is not stated or exceeds
  ///   `PackLimits.blockPayloadByteCount`.
  package func payloadLength(of frame: UnsafeRawBufferPointer) throws -> Int {
    let body = frame.dropFirst()
    let stated: UInt64
    switch frame.first.flatMap(FrameCodec.init) {
    case nil: throw VarveError(.damaged, "a block has an unknown codec")
    case .raw: stated = UInt64(body.count)
    case .zstd:
      let body = UnsafeRawBufferPointer(rebasing: body)
      // The two largest values say "unknown" and "error".
      stated = ZSTD_getFrameContentSize(body.baseAddress, body.count)
    }
    guard stated <= UInt64(PackLimits.blockPayloadByteCount) else { throw Self.tooLong }
    return Int(stated)
  }

  /// Turns `frame` into its payload.
  ///
  /// - Parameter payload: `payloadLength(of: frame)` bytes.
  /// - Throws: `.damaged` for a bad or second zstd frame.
  package func decode(
    _ frame: UnsafeRawBufferPointer, into payload: UnsafeMutableRawBufferPointer
  ) throws {
    let body = UnsafeRawBufferPointer(rebasing: frame.dropFirst())
    if isRaw(frame) {
      payload.copyMemory(from: body)
      return
    }
    guard ZSTD_findFrameCompressedSize(body.baseAddress, body.count) == body.count else {
      throw VarveError(.damaged, "a block is not exactly one zstd frame")
    }
    let written = ZSTD_decompressDCtx(
      context, payload.baseAddress, payload.count, body.baseAddress, body.count)
    guard ZSTD_isError(written) == 0, written == payload.count else {
      throw VarveError(.damaged, "a block does not decompress")
    }
  }

  private static var tooLong: VarveError {
    VarveError(
      .damaged,
      "a block does not state a length of at most \(PackLimits.blockPayloadByteCount) bytes")
  }
}
