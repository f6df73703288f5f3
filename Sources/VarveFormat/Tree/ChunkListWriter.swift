/// Collects the chunks of a file in order: up to 32 it keeps, of more it makes chunk-list nodes
/// (docs/format.md, section 9). It holds one node's chunks, 4,096 at most, and the list of nodes.
public struct ChunkListWriter {
  /// Chunks since the last node that was stored; of a file of up to 32 chunks, all.
  public private(set) var chunks: [ChunkReference] = []
  /// Nodes stored; empty for a file of up to 32 chunks.
  public private(set) var lists: [ChunkListReference] = []
  /// Bytes of all chunks.
  public private(set) var byteCount: UInt64 = 0
  public private(set) var chunkCount = 0

  public init() {}

  /// Makes the writer as new, keeping its memory.
  public mutating func reset() {
    chunks.removeAll(keepingCapacity: true)
    lists.removeAll(keepingCapacity: true)
    byteCount = 0
    chunkCount = 0
  }

  /// Adds the next chunk; stores nodes as they fill once there are more than 32.
  public mutating func append(_ chunk: ChunkReference, store: TreeNodeWriter.Store) throws {
    chunks.append(chunk)
    chunkCount += 1
    byteCount += UInt64(chunk.length)
    if chunkCount == TreeLimits.inlineChunks + 1 {
      try storeEndedLists(store)
    } else if chunkCount > TreeLimits.inlineChunks,
      ChunkListNode.endsAfter(chunk.address, count: chunks.count)
    {
      try storeList(chunks.count, store)
    }
  }

  /// Ends the file: what is left of a long one becomes its last node.
  ///
  /// - Returns: whether the file is in `lists`; otherwise it is in `chunks`.
  public mutating func finish(store: TreeNodeWriter.Store) throws -> Bool {
    guard chunkCount > TreeLimits.inlineChunks else { return false }
    if !chunks.isEmpty { try storeList(chunks.count, store) }
    return true
  }

  /// Nodes of all chunks so far, as if the file were a long one that ended here; the file goes on all the same.
  public func nodesSoFar(store: TreeNodeWriter.Store) throws -> [ChunkListReference] {
    var ended = self
    if chunkCount <= TreeLimits.inlineChunks { try ended.storeEndedLists(store) }
    if !ended.chunks.isEmpty { try ended.storeList(ended.chunks.count, store) }
    return ended.lists
  }

  /// Stores the lists that ended among the first chunks, before it was known that there are more.
  private mutating func storeEndedLists(_ store: TreeNodeWriter.Store) throws {
    var first = 0
    var ends: [Int] = []
    for (index, chunk) in chunks.enumerated()
    where ChunkListNode.endsAfter(chunk.address, count: index + 1 - first) {
      ends.append(index + 1 - first)
      first = index + 1
    }
    for count in ends { try storeList(count, store) }
  }

  private mutating func storeList(_ count: Int, _ store: TreeNodeWriter.Store) throws {
    let node = ChunkListNode(chunks: Array(chunks[..<count]))
    let id = try node.encode().withUnsafeBytes(store)
    lists.append(
      ChunkListReference(id: id, chunks: UInt32(count), byteCount: node.byteCount))
    chunks.removeFirst(count)
  }
}
