import VarveFormat

/// Counts what a restore writes. The sums of directories without hard links below are kept by node id
/// (at most 2^18, about 20 MB), so that of the next snapshot only what changed is walked.
final class RestoreSizeCounter: StatisticsCounter {
  private struct Sum {
    var files: UInt64 = 0
    var bytes: UInt64 = 0
    var hasLinks = false

    mutating func add(_ other: Sum) {
      files += other.files
      bytes &+= other.bytes
      hasLinks = hasLinks || other.hasLinks
    }
  }

  private static let limit = 1 << 18

  private let source: any ChunkSource
  private var known: [Digest: Sum] = [:]

  init(source: any ChunkSource) { self.source = source }

  func add(_ snapshot: SnapshotRecord, to report: inout Statistics.Report) throws {
    let sum = try sum(of: snapshot)
    report.files += sum.files
    report.size &+= sum.bytes
  }

  private func sum(of snapshot: SnapshotRecord) throws -> Sum {
    if let sum = known[snapshot.tree.id] { return sum }
    let links = try LinkLookup(snapshot, from: source)
    var counted: Set<Int> = []
    let walk = try TreeWalk(snapshot.rootDirectory, from: source)
    var open = [Sum()]
    while let step = try walk.next() {
      switch step {
      case .left(let id):
        guard let sum = open.popLast() else { continue }
        if !sum.hasLinks && known.count < Self.limit { known[id] = sum }
        if open.isEmpty { return sum }
        open[open.count - 1].add(sum)
      case .entry(let raw):
        let entry = try raw.decode()
        var own = Sum(files: 1)
        switch entry.content {
        case .file(let file):
          own.hasLinks = entry.attributes.isHardLinked
          let group = own.hasLinks ? links.group(of: walk.path.dropFirst()) : nil
          if group.map({ counted.insert($0).inserted }) ?? true { own.bytes = file.size }
        case .directory(let content):
          open[open.count - 1].add(own)
          if let sum = known[content.id] {
            own = sum
          } else {
            try walk.enter(content)
            open.append(Sum())
            continue
          }
        default: break
        }
        open[open.count - 1].add(own)
      }
    }
    return Sum()
  }
}
