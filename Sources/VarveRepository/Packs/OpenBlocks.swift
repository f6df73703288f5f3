package import VarveCrypto
internal import VarveFormat

/// Blocks that are open together, so that the digests of their chunks are computed side by side. One per
/// thread.
///
/// While payloads take less than 24 MiB there is room for one more: so chunks of large files, of 1 MiB on
/// average, fill the sixteen lanes of `SHA256Lanes`.
package final class OpenBlocks {
  private let decoder: BlockDecoder
  private let arena: BlockArena
  /// Where something else can be opened meanwhile.
  let scratch: DecodedBlock
  private var blocks: [DecodedBlock] = []
  package let lanes = SHA256Lanes()
  /// How many blocks were begun since `removeAll`.
  package private(set) var count = 0

  package init() throws {
    decoder = try BlockDecoder()
    arena = try BlockArena()
    scratch = try DecodedBlock()
  }

  package subscript(index: Int) -> DecodedBlock { blocks[index] }

  package var isFull: Bool { arena.isFull }

  package func removeAll() throws {
    lanes.removeAll()
    count = 0
    try arena.removeAll()
  }

  /// Has the next block decoded by `body`; there must be room. It counts even when `body` fails.
  package func open(_ body: (DecodedBlock) throws -> Void) rethrows {
    if count == blocks.count { blocks.append(DecodedBlock(decoder: decoder, arena: arena)) }
    let block = blocks[count]
    count += 1
    try body(block)
  }
}

/// Room for the payloads of several blocks.
final class BlockArena {
  private static let limit = 24 << 20
  /// Bytes of memory that are kept from one use to the next.
  private static let keptLimit = 40 << 20

  private(set) var buffer: ReusableBuffer
  private var used = 0

  init() throws { buffer = try Self.makeBuffer() }

  /// Room for one more block, the longest one, when the others have almost reached the limit.
  private static func makeBuffer() throws -> ReusableBuffer {
    try ReusableBuffer(capacity: limit + 64 + PackLimits.blockPayloadByteCount)
  }

  var isFull: Bool { used >= Self.limit }

  /// - Throws: `.io` when there is no room, or when memory cannot be had.
  func take(_ count: Int) throws -> UnsafeMutableRawBufferPointer {
    guard count <= buffer.capacity - used else {
      throw VarveError(.io, "there is no room for a block of \(count) bytes")
    }
    defer { used += (count + 63) & ~63 }
    return UnsafeMutableRawBufferPointer(start: buffer.base + used, count: count)
  }

  func removeAll() throws {
    if used > Self.keptLimit { buffer = try Self.makeBuffer() }
    used = 0
  }
}
