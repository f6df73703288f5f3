extension TreeEntryEncoder {
  /// Appends an entry's content.
  ///
  /// - Parameter start: where the body begins in the writer.
  static func append(
    _ content: Content, _ start: Int, to writer: inout ByteWriter
  ) throws -> CommitmentFields.Content {
    switch content {
    case .file(let size, let form, let holes, let digest):
      return try append(size, form, holes, digest, to: &writer)
    case .directory(let directory):
      writer.digest(directory.id)
      writer.digest(directory.proofRoot)
      writer.uvarint(directory.entryCount)
      return .directory(entryCount: directory.entryCount, proofRoot: directory.proofRoot)
    case .link(let target):
      guard (1...TreeLimits.linkTargetByteCount).contains(target.count), !target.contains(0) else {
        throw bounds("a link target of \(target.count) bytes")
      }
      writer.uvarint(target.count)
      writer.raw(target)
      let end = writer.bytes.count - start
      return .link(end - target.count..<end)
    case .device(let major, let minor):
      writer.uvarint(UInt64(major))
      writer.uvarint(UInt64(minor))
      return .device(major: major, minor: minor)
    case .none:
      return .none
    }
  }

  private static func append(
    _ size: UInt64, _ form: Form, _ holes: UnsafeBufferPointer<Hole>, _ digest: Digest,
    to writer: inout ByteWriter
  ) throws -> CommitmentFields.Content {
    guard size <= TreeLimits.fileByteCount else { throw bounds("a file of \(size) bytes") }
    writer.uvarint(size)
    guard size > 0 else { return .file(size: 0, digest: .zero) }
    var committed = digest
    var total: UInt64 = 0
    switch form {
    case .chunks(let chunks):
      guard chunks.count <= TreeLimits.inlineChunks else { throw bounds("too many chunks") }
      writer.uvarint(0 as UInt64)
      writer.uvarint(chunks.count)
      for chunk in chunks {
        guard chunk.length > 0, chunk.length <= PackLimits.slotByteCount else {
          throw bounds("a chunk of \(chunk.length) bytes")
        }
        writer.digest(chunk.address)
        writer.uvarint(UInt64(chunk.length))
        total &+= UInt64(chunk.length)
      }
      if chunks.count == 1, holes.isEmpty { committed = chunks[0].address }
    case .lists(let lists):
      writer.uvarint(1 as UInt64)
      writer.uvarint(lists.count)
      for list in lists {
        writer.digest(list.id)
        writer.uvarint(UInt64(list.chunks))
        writer.uvarint(list.byteCount)
        total &+= list.byteCount
      }
    }
    if !holes.isEmpty { total &+= try append(holes, size, to: &writer) }
    guard total == size else { throw bounds("its chunks and holes do not make its size") }
    if !form.isOneChunk || !holes.isEmpty { writer.digest(digest) }
    return .file(size: size, digest: committed)
  }

  private static func append(
    _ holes: UnsafeBufferPointer<Hole>, _ size: UInt64, to writer: inout ByteWriter
  ) throws -> UInt64 {
    writer.uvarint(holes.count)
    var end: UInt64 = 0
    var total: UInt64 = 0
    for (index, hole) in holes.enumerated() {
      guard hole.length > 0, hole.offset > end || index == 0, hole.offset <= size,
        hole.length <= size - hole.offset
      else { throw bounds("its holes") }
      writer.uvarint(hole.offset - end)
      writer.uvarint(hole.length)
      end = hole.end
      total += hole.length
    }
    return total
  }
}
