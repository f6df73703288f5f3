import VarveFormat

/// Counts the bytes of tree nodes that cursors hold, so that a deep walk can give some back.
package final class NodeMemory {
  fileprivate(set) package var byteCount = 0

  package init() {}
}

/// A tree node's bytes at an address that does not change while the buffer lives.
final class NodeBuffer {
  let bytes: UnsafeRawBufferPointer
  private let memory: NodeMemory

  init(_ id: Digest, from source: any ChunkSource, _ memory: NodeMemory) throws {
    bytes = try source.withChunk(id) { node in
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: node.count, alignment: 16)
      copy.copyMemory(from: node)
      return UnsafeRawBufferPointer(copy)
    }
    self.memory = memory
    memory.byteCount += bytes.count
  }

  deinit {
    bytes.deallocate()
    memory.byteCount -= bytes.count
  }
}
