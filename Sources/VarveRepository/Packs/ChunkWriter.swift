internal import Synchronization
internal import VarveCrypto
package import VarveFormat

/// Stores chunks, each once. One per thread.
package final class ChunkWriter {
  /// What became of a chunk.
  package struct Outcome {
    package let id: Digest
    /// Whether it was new to the repository.
    package let isNew: Bool
  }

  private let store: ChunkStore
  let sealer: PackSealer
  private let data: BlockAssembler
  private let tree: BlockAssembler

  init(store: ChunkStore, sealer: PackSealer, data: BlockAssembler, tree: BlockAssembler) {
    self.store = store
    self.sealer = sealer
    self.data = data
    self.tree = tree
  }

  /// Stores a chunk of file content unless the repository has it.
  ///
  /// - Parameter chunk: 1 byte or more; `BlockAssembler.headroom` bytes before it are writable and
  ///   may be overwritten.
  package func addData(chunkWithHeadroom chunk: UnsafeRawBufferPointer) throws -> Outcome {
    let id = SHA256.digest(chunk)
    guard claimData(id, count: chunk.count) else { return Outcome(id: id, isNew: false) }
    try addClaimedData(id, chunkWithHeadroom: chunk)
    return Outcome(id: id, isNew: true)
  }

  /// Whether a chunk of file content is new. The caller, or whom it asks, must then store it.
  package func claimData(_ id: Digest, count: Int) -> Bool {
    guard store.claim(id) else { return false }
    store.counters.dataChunks.add(1, ordering: .relaxed)
    store.counters.dataBytes.add(UInt64(count), ordering: .relaxed)
    return true
  }

  /// Stores a chunk that some thread has claimed.
  ///
  /// - Parameter chunk: as for `addData(chunkWithHeadroom:)`.
  package func addClaimedData(
    _ id: Digest, chunkWithHeadroom chunk: UnsafeRawBufferPointer
  ) throws {
    try data.append(id: id, chunkWithHeadroom: chunk)
  }

  /// Stores a chunk of a pack that is to be given up, whoever else has it.
  ///
  /// - Parameter chunk: as for `addData(chunkWithHeadroom:)`.
  func move(
    _ id: Digest, chunkWithHeadroom chunk: UnsafeRawBufferPointer, type: PackType
  ) throws {
    try (type == .data ? data : tree).append(id: id, chunkWithHeadroom: chunk)
  }

  /// Stores a whole block of another pack, whose chunks are claimed or are to be had here, too: its frame, as it is.
  ///
  /// - Parameters:
  ///   - payload: what `frame` decodes to.
  ///   - slots: the chunks in it.
  package func move(
    frame: UnsafeRawBufferPointer, of payload: UnsafeRawBufferPointer,
    slots: UnsafeBufferPointer<PackTrailer.Slot>, type: PackType
  ) throws {
    try store.packs(of: type).append(frame: frame, of: payload, slots: slots, by: sealer)
  }

  /// Stores a tree node, a chunk list or a part of a link table unless the repository has it.
  package func addTree(_ node: UnsafeRawBufferPointer) throws -> Outcome {
    let id = SHA256.digest(node)
    guard store.claim(id) else { return Outcome(id: id, isNew: false) }
    store.counters.treeChunks.add(1, ordering: .relaxed)
    store.counters.treeBytes.add(UInt64(node.count), ordering: .relaxed)
    if node.count < BlockAssembler.ownBlockThreshold {
      try tree.append(id: id, chunkWithHeadroom: node)
    } else {
      // Rare (a huge directory's part list), so the copy that makes the headroom does not matter.
      let copy = try ReusableBuffer(capacity: node.count + BlockAssembler.headroom)
      let bytes = UnsafeMutableRawBufferPointer(
        rebasing: copy.bytes[BlockAssembler.headroom...])
      bytes.copyMemory(from: node)
      try tree.append(id: id, chunkWithHeadroom: UnsafeRawBufferPointer(bytes))
    }
    return Outcome(id: id, isNew: true)
  }

  /// Hands over what this thread still holds.
  package func flush() throws {
    try data.flush()
    try tree.flush()
  }
}
