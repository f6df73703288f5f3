import VarveFormat
import VarveRepository

/// Counts files by content: 43 to 86 bytes of memory for each different one and for each directory.
final class ContentsCounter: StatisticsCounter {
  private let source: any ChunkSource
  private var contents = DigestSet()
  private var directories = DigestSet()
  private var hasEmpty = false

  init(source: any ChunkSource) { self.source = source }

  func add(_ snapshot: SnapshotRecord, to report: inout Statistics.Report) throws {
    let root = snapshot.rootDirectory
    guard directories.insert(root.id) else { return }
    let walk = try TreeWalk(root, from: source)
    while let step = try walk.next() {
      guard case .entry(let raw) = step else { continue }
      switch try raw.decode().content {
      case .directory(let content):
        if directories.insert(content.id) { try walk.enter(content) }
      case .file(let file):
        let isNew = file.size == 0 ? !hasEmpty : contents.insert(file.digest)
        if file.size == 0 { hasEmpty = true }
        guard isNew else { continue }
        report.files += 1
        report.size &+= file.size
      default: continue
      }
    }
  }
}
