import VarveFormat
import VarveRepository

/// A run of output that is put together at once: bytes at hand, chunks to fetch, zeros.
///
/// Filled by the producer, then resolved by exactly one thread, then written. About 1 MiB, so that
/// small files whose chunks lie in one block are fetched together; a larger chunk has one of its own.
final class PipelineJob: @unchecked Sendable {
  static let targetSize = 1 << 20

  enum State {
    case waiting
    case taken
    case done
    case failed(any Error)
  }

  private enum Piece {
    case bytes(Range<Int>)
    case chunk(ChunkReference)
    case zeros(Int)
  }

  /// Guarded by the pipeline's lock.
  var state = State.waiting
  private(set) var byteCount = 0
  private var literals: [UInt8] = []
  private var pieces: [Piece] = []
  private var buffer: ReusableBuffer?

  var result: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: buffer?.base, count: buffer == nil ? 0 : byteCount)
  }

  func append(_ bytes: UnsafeRawBufferPointer) {
    pieces.append(.bytes(literals.count..<literals.count + bytes.count))
    literals.append(contentsOf: bytes)
    byteCount += bytes.count
  }

  func append(_ chunk: ChunkReference) {
    pieces.append(.chunk(chunk))
    byteCount += Int(chunk.length)
  }

  func append(zeros count: Int) {
    pieces.append(.zeros(count))
    byteCount += count
  }

  /// Puts the output together in `buffer`, which must hold `byteCount` bytes.
  ///
  /// - Throws: `.damaged` when a chunk does not have the length that its file says, and as the source.
  func resolve(from source: any ChunkSource, into buffer: ReusableBuffer) throws {
    var position = buffer.base
    for piece in pieces {
      switch piece {
      case .bytes(let range):
        literals.withUnsafeBytes {
          position.copyMemory(from: $0.baseAddress! + range.lowerBound, byteCount: range.count)
        }
        position += range.count
      case .zeros(let count):
        position.initializeMemory(as: UInt8.self, repeating: 0, count: count)
        position += count
      case .chunk(let chunk):
        try source.withChunk(chunk.address) { bytes in
          guard bytes.count == Int(chunk.length), let start = bytes.baseAddress else {
            throw VarveError(
              .damaged,
              "chunk \(chunk.address) has \(bytes.count) bytes where its file says \(chunk.length)")
          }
          position.copyMemory(from: start, byteCount: bytes.count)
        }
        position += Int(chunk.length)
      }
    }
    self.buffer = buffer
  }

  /// Takes the buffer back for another job.
  func takeBuffer() -> ReusableBuffer? {
    defer { buffer = nil }
    return buffer
  }
}
