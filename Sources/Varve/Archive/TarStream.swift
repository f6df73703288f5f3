import VarveFormat

/// Writes members of a tar archive into a pipeline, headers and data in order.
final class TarStream {
  private let pipeline: ChunkPipeline
  private let source: any ChunkSource
  private var byteCount: UInt64 = 0

  init(_ pipeline: ChunkPipeline, source: any ChunkSource) {
    self.pipeline = pipeline
    self.source = source
  }

  /// Adds a member without data, or a file with its chunks.
  func append(_ member: TarMember, _ content: FileContent? = nil) throws {
    let (header, dataLength) = TarHeader.encode(member)
    try pipeline.append(header)
    byteCount &+= UInt64(header.count)
    guard let content, dataLength > 0 else { return }
    if case .file(_, let extents?) = member.kind {
      try pipeline.append(content, extents: extents, from: source)
    } else {
      try pipeline.append(content, from: source)
    }
    let padding = TarHeader.padding(after: dataLength)
    try pipeline.append(zeros: UInt64(padding))
    byteCount &+= dataLength &+ UInt64(padding)
  }

  /// Ends the archive.
  func finish() throws {
    let end = UInt64(2 * TarHeader.blockSize)
    let padding = TarHeader.padding(after: byteCount &+ end, to: TarHeader.recordSize)
    try pipeline.append(zeros: end + UInt64(padding))
  }
}

extension ChunkPipeline {
  /// Appends the bytes of a file, those in holes as zeros.
  ///
  /// - Parameter extents: ascending stretches that cover all data; of holes, only what lies in them is
  ///   written. Nil for the whole file.
  func append(
    _ content: FileContent, extents: [TarMember.Extent]? = nil, from source: any ChunkSource
  ) throws {
    var wanted = (extents ?? [TarMember.Extent(offset: 0, length: content.size)])[...]
    var holes = content.holes[...]
    var position: UInt64 = 0
    func passHole() throws {
      guard let hole = holes.first, hole.offset == position else { return }
      while let extent = wanted.first, extent.offset < hole.end {
        let start = max(extent.offset, hole.offset)
        let end = min(extent.offset + extent.length, hole.end)
        if start < end { try append(zeros: end - start) }
        guard extent.offset + extent.length <= hole.end else { break }
        wanted = wanted.dropFirst()
      }
      position = hole.end
      holes = holes.dropFirst()
    }
    try passHole()
    try content.forEachChunk(from: source) { chunk in
      // Each stretch between holes is chunked on its own.
      let end = position &+ UInt64(chunk.length)
      if let hole = holes.first, hole.offset < end {
        throw VarveError(.damaged, "a chunk of a sparse file reaches over a hole")
      }
      try append(chunk)
      position = end
      try passHole()
    }
    guard position == content.size, holes.isEmpty else {
      throw VarveError(.damaged, "a file's chunks and holes do not make its size")
    }
  }
}
