internal import CZstd
internal import VarveFormat

/// How hard to compress. The names are restic's.
public enum CompressionLevel: String, CaseIterable, Sendable {
  case off, fastest, auto, better, max

  /// Parameters of zstd, in the order in which they are to be set; nil for no compression.
  ///
  /// `auto` is no level of zstd's but lies between 1 and 2 in speed and in ratio: a
  /// block is 1 MiB, so a hash table of 2^15 places (128 KiB, which stays in a core's second-level
  /// cache) loses little to larger ones. Over system files it takes 0.6 of level 3's time for 1.04 of
  /// its bytes (docs/benchmarks.md).
  fileprivate var parameters: [(ZSTD_cParameter, Int32)]? {
    switch self {
    case .off: nil
    case .fastest: [(ZSTD_c_compressionLevel, 1)]
    case .auto:
      [
        (ZSTD_c_compressionLevel, 3), (ZSTD_c_strategy, Int32(ZSTD_fast.rawValue)),
        (ZSTD_c_windowLog, 21), (ZSTD_c_hashLog, 15), (ZSTD_c_minMatch, 6),
      ]
    case .better: [(ZSTD_c_compressionLevel, 9)]
    case .max: [(ZSTD_c_compressionLevel, 19)]
    }
  }
}

/// Turns a block payload into a frame (docs/format.md, section 7): a codec byte, then the payload as
/// it is or as one zstd frame, whichever is smaller. One per thread; its context is reused.
package final class BlockCompressor {
  /// Bytes before a payload that become its codec byte when it stays as it is.
  package static let headroom = 1

  /// `auto` looks for matches from 7 bytes instead of 6 in payloads up to this: 2% less time for all of a first backup, and
  /// 0.8% more bytes; in longer ones, too, 4% less and 1.5% more.
  private static let quickLimit = 1 << 20

  private let level: CompressionLevel
  private let context: OpaquePointer?
  private var output: ReusableBuffer

  /// - Throws: `.io` when zstd cannot allocate its context.
  package init(level: CompressionLevel) throws {
    self.level = level
    output = try ReusableBuffer(capacity: 2 << 20)
    guard let parameters = level.parameters else {
      context = nil
      return
    }
    guard let created = ZSTD_createCCtx() else {
      throw VarveError(.io, "zstd cannot allocate a compression context")
    }
    context = created
    let fixed = [(ZSTD_c_contentSizeFlag, Int32(1)), (ZSTD_c_checksumFlag, 0)]
    for (parameter, value) in parameters + fixed {
      let result = ZSTD_CCtx_setParameter(created, parameter, value)
      guard ZSTD_isError(result) == 0 else {
        throw VarveError(.io, "zstd does not take parameter \(parameter.rawValue) = \(value)")
      }
    }
  }

  deinit { if let context { ZSTD_freeCCtx(context) } }

  /// The frame of a payload, valid until the next call: in this object's buffer, or, when compression
  /// does not pay, the payload where it is with the codec byte in front.
  ///
  /// - Parameter payload: 1 byte or more; `headroom` bytes before it are writable and may be
  ///   overwritten.
  /// - Throws: `.io` when memory cannot be had.
  package func frame(
    payloadWithHeadroom payload: UnsafeMutableRawBufferPointer
  ) throws -> UnsafeRawBufferPointer {
    guard let source = payload.baseAddress else {
      throw VarveError(.io, "a block without a payload cannot be stored")
    }
    if let context, payload.count > 64 {
      if level == .auto {
        let minMatch: Int32 = payload.count <= Self.quickLimit ? 7 : 6
        guard ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_minMatch, minMatch)) == 0 else {
          throw VarveError(.io, "zstd does not take a shortest match of \(minMatch)")
        }
      }
      // A result that would not save at least 1/64 is not worth decompressing later: the room that
      // zstd gets is that much smaller than the payload, and when it does not fit the block is raw.
      let room = payload.count - payload.count / 64
      if output.capacity < room + 1 { output = try ReusableBuffer(capacity: room + 1) }
      let length = ZSTD_compress2(context, output.base + 1, room, source, payload.count)
      if ZSTD_isError(length) == 0 {
        output.base.storeBytes(of: FrameCodec.zstd.rawValue, as: UInt8.self)
        return UnsafeRawBufferPointer(start: output.base, count: length + 1)
      }
    }
    let start = source - Self.headroom
    start.storeBytes(of: FrameCodec.raw.rawValue, as: UInt8.self)
    return UnsafeRawBufferPointer(start: start, count: payload.count + 1)
  }
}
