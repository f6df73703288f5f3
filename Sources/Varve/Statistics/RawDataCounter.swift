import VarveFormat
import VarveRepository

/// Counts chunks and tree nodes, and the stored bytes of the blocks that hold them.
final class RawDataCounter: StatisticsCounter {
  private let source: any ChunkSource
  private let locate: (Digest) -> ChunkLocation?
  private var used = SlotUse()

  init(source: any ChunkSource, locate: @escaping (Digest) -> ChunkLocation?) {
    self.source = source
    self.locate = locate
  }

  func add(_ snapshot: SnapshotRecord, to report: inout Statistics.Report) throws {
    for id in snapshot.links {
      let length = try source.withChunk(id) { $0.count }
      _ = try count(id, UInt64(length), in: &report)
    }
    for list in snapshot.unfinished { try count(list: list, in: &report) }
    let root = snapshot.rootDirectory
    guard try countNode(root.id, in: &report) else { return }
    let walk = try TreeWalk(root, from: source)
    while let step = try walk.next() {
      guard case .entry(let raw) = step else { continue }
      if let part = walk.newPart { _ = try countNode(part, in: &report) }
      switch try raw.decode().content {
      case .directory(let content):
        if try countNode(content.id, in: &report) { try walk.enter(content) }
      case .file(let file): try count(file, in: &report)
      default: continue
      }
    }
  }

  private func count(_ file: FileContent, in report: inout Statistics.Report) throws {
    switch file.form {
    case .chunks(let chunks):
      for chunk in chunks { _ = try count(chunk.address, UInt64(chunk.length), in: &report) }
    case .lists(let lists):
      for list in lists { try count(list: list.id, in: &report) }
    }
  }

  private func count(list: Digest, in report: inout Statistics.Report) throws {
    guard try countNode(list, in: &report) else { return }
    let node = try source.withChunk(list) { try ChunkListNode(decoding: $0) }
    for chunk in node.chunks { _ = try count(chunk.address, UInt64(chunk.length), in: &report) }
  }

  /// - Returns: whether the node has not been counted before.
  private func countNode(_ id: Digest, in report: inout Statistics.Report) throws -> Bool {
    guard try count(id, 0, in: &report) else { return false }
    report.uncompressedSize += UInt64(try source.withChunk(id) { $0.count })
    return true
  }

  private func count(
    _ id: Digest, _ length: UInt64, in report: inout Statistics.Report
  ) throws -> Bool {
    guard let location = locate(id) else {
      throw VarveError(
        .missing, "no index knows chunk \(id)",
        hint: "run 'varve check' to see which snapshots and files are affected")
    }
    let (isNew, isFirstOfBlock) = used.insert(location)
    if isFirstOfBlock { report.size += UInt64(location.storedLength) }
    guard isNew else { return false }
    report.chunks += 1
    report.uncompressedSize += length
    return true
  }
}
