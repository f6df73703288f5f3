package import VarveFormat

/// Gathers chunks into blocks, compresses each block and hands it to a pack. One per thread and
/// pack type.
///
/// Small chunks share a block of up to 1 MiB in the order in which they come: a better ratio, fewer
/// frames and tags. A chunk of 256 KiB or more has a block of its own and is never copied before
/// compression.
///
/// The payload's slot table comes before the slots but is known only at the end, so data starts
/// behind a headroom and the table is written right-aligned into it.
package final class BlockAssembler {
  /// Plaintext after which a shared block is closed.
  static let target = 1 << 20
  /// Chunks from this size on have a block of their own.
  static let ownBlockThreshold = 256 << 10
  /// Slots after which a shared block is closed.
  static let slotLimit = 16_384
  /// Bytes before a chunk given to `append(id:chunkWithHeadroom:)` that will be overwritten.
  package static let headroom = 16
  private static let tableHeadroom =
    BlockCompressor.headroom + BlockPayload.tableByteLimit(slots: slotLimit)

  private let packs: PackWriter
  private let sealer: PackSealer
  private let compressor: BlockCompressor
  private let open: ReusableBuffer
  private var used = 0
  private var slots: [PackTrailer.Slot] = []
  private var lengths: [UInt32] = []

  package init(packs: PackWriter, sealer: PackSealer, compressor: BlockCompressor) throws {
    self.packs = packs
    self.sealer = sealer
    self.compressor = compressor
    open = try ReusableBuffer(
      capacity: Self.tableHeadroom + Self.target + Self.ownBlockThreshold)
    slots.reserveCapacity(1024)
  }

  /// Adds a chunk, 1 byte or more.
  ///
  /// - Parameter chunk: for `ownBlockThreshold` bytes or more, the `headroom` bytes before it must be
  ///   writable and are overwritten.
  package func append(id: Digest, chunkWithHeadroom chunk: UnsafeRawBufferPointer) throws {
    guard let source = chunk.baseAddress, chunk.count > 0 else { return }
    if chunk.count >= Self.ownBlockThreshold {
      let slot = PackTrailer.Slot(address: id, length: UInt32(chunk.count))
      try withUnsafePointer(to: slot) {
        try emit(
          UnsafeMutableRawPointer(mutating: source), count: chunk.count,
          slots: UnsafeBufferPointer(start: $0, count: 1))
      }
      return
    }
    if used + chunk.count > Self.target && used > 0 { try flush() }
    (open.base + Self.tableHeadroom + used).copyMemory(from: source, byteCount: chunk.count)
    used += chunk.count
    slots.append(PackTrailer.Slot(address: id, length: UInt32(chunk.count)))
    if used >= Self.target || slots.count >= Self.slotLimit { try flush() }
  }

  /// Closes the shared block, if it has anything.
  package func flush() throws {
    guard used > 0 else { return }
    try slots.withUnsafeBufferPointer {
      try emit(open.base + Self.tableHeadroom, count: used, slots: $0)
    }
    used = 0
    slots.removeAll(keepingCapacity: true)
  }

  private func emit(
    _ data: UnsafeMutableRawPointer, count: Int, slots: UnsafeBufferPointer<PackTrailer.Slot>
  ) throws {
    lengths.removeAll(keepingCapacity: true)
    for slot in slots { lengths.append(slot.length) }
    let table = lengths.withUnsafeBufferPointer { BlockPayload.writeTable($0, endingAt: data) }
    let payload = UnsafeMutableRawBufferPointer(start: data - table, count: table + count)
    let frame = try compressor.frame(payloadWithHeadroom: payload)
    try packs.append(
      frame: frame, of: UnsafeRawBufferPointer(payload), slots: slots, by: sealer)
  }
}
