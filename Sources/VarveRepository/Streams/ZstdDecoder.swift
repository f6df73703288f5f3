internal import CZstd
internal import VarveFormat

/// Zstandard (RFC 8878): any number of frames one after another, checksums checked. Memory: the window that a frame asks
/// for, at most 128 MiB.
package final class ZstdDecoder: StreamDecoder {
  private let context: OpaquePointer
  package private(set) var isAtBoundary = false

  /// - Throws: `.io` when zstd cannot allocate its state.
  package init() throws {
    guard let created = ZSTD_createDCtx() else {
      throw VarveError(.io, "zstd cannot allocate a decompression state")
    }
    context = created
  }

  deinit { ZSTD_freeDCtx(context) }

  package func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws -> (taken: Int, given: Int) {
    if isAtBoundary, input.isEmpty { return (0, 0) }
    var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
    var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
    let result = ZSTD_decompressStream(context, &target, &source)
    if ZSTD_isError(result) != 0 {
      let isWindow = ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge
      throw VarveError(
        .io, "it is no whole zstd stream: \(String(cString: ZSTD_getErrorName(result)))",
        hint: isWindow
          ? "it was made with --long; decompress it outside: zstd -dc --long=31 FILE | varve import tar -"
          : nil)
    }
    isAtBoundary = result == 0
    return (source.pos, target.pos)
  }
}
