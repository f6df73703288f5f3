internal import CZstd
internal import VarveFormat

/// How hard to compress. The names are restic's; the numbers are zstd's levels.
public enum CompressionLevel: String, CaseIterable, Sendable {
  case off, fastest, auto, better, max

  var zstdLevel: Int32? {
    switch self {
    case .off: nil
    case .fastest: 1
    case .auto: 3
    case .better: 9
    case .max: 19
    }
  }
}

/// Turns a block payload into a frame (docs/format.md, section 7): a codec byte, then the payload as
/// it is or as one zstd frame, whichever is smaller. One per thread; its context is reused.
package final class BlockCompressor {
  private let context: OpaquePointer?

  /// - Throws: `.io` when zstd cannot allocate its context.
  package init(level: CompressionLevel) throws {
    guard let zstdLevel = level.zstdLevel else {
      context = nil
      return
    }
    guard let created = ZSTD_createCCtx() else {
      throw VarveError(.io, "zstd cannot allocate a compression context")
    }
    ZSTD_CCtx_setParameter(created, ZSTD_c_compressionLevel, zstdLevel)
    ZSTD_CCtx_setParameter(created, ZSTD_c_contentSizeFlag, 1)
    ZSTD_CCtx_setParameter(created, ZSTD_c_checksumFlag, 0)
    context = created
  }

  deinit { if let context { ZSTD_freeCCtx(context) } }

  /// Bytes that `output` must have for a payload of `count` bytes: never more than raw needs.
  package static func capacity(forPayload count: Int) -> Int { count + 1 }

  /// Writes the frame of `payload` to `output`.
  ///
  /// - Parameter output: at least `capacity(forPayload:)` bytes.
  /// - Returns: the frame's length.
  package func frame(
    _ payload: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) -> Int {
    guard let source = payload.baseAddress, let target = output.baseAddress else { return 0 }
    if let context, payload.count > 64 {
      // A result that would not save at least 1/64 is not worth decompressing later: the room that
      // zstd gets is that much smaller than the payload, and when it does not fit the block is raw.
      let room = payload.count - payload.count / 64
      let length = ZSTD_compress2(context, target + 1, room, source, payload.count)
      if ZSTD_isError(length) == 0 {
        target.storeBytes(of: FrameCodec.zstd.rawValue, as: UInt8.self)
        return length + 1
      }
    }
    target.storeBytes(of: FrameCodec.raw.rawValue, as: UInt8.self)
    (target + 1).copyMemory(from: source, byteCount: payload.count)
    return payload.count + 1
  }
}
