internal import VarveFormat
internal import VarveStorage

/// Finds what of each snapshot cannot be restored, once it is known what is lost.
///
/// Depth first, so that a directory below which nothing is lost is known to be clean when it is left;
/// later snapshots pass over it. Only paths with losses are kept.
struct AffectedWalk {
  let session: CheckSession
  let unlocked: UnlockedRepository
  let checked: CheckedIndex
  let keyring: PackKeyring
  let lost: LostPlaces
  let lostNodes: Set<Digest>

  /// - Parameters:
  ///   - snapshots: all live ones.
  ///   - lostRecords: of them, those whose records or link tables cannot be read.
  func run(
    _ snapshots: [Digest], lostRecords: Set<Digest>
  ) throws -> [CheckReport.AffectedSnapshot] {
    var affected: [CheckReport.AffectedSnapshot] = []
    let walker = Walker(
      walk: self,
      reader: ChunkReader(index: checked.index, storage: session.storage, keyring: keyring))
    for snapshot in snapshots {
      try session.cancellation.check()
      guard let record = try? unlocked.snapshotRecord(snapshot) else {
        affected.append(CheckReport.AffectedSnapshot(id: snapshot))
        continue
      }
      let paths = try walker.paths(record.tree)
      let hasLostLinks = lostRecords.contains(snapshot) || !record.links.allSatisfy(isThere)
      guard hasLostLinks || !paths.isEmpty else { continue }
      var found = CheckReport.AffectedSnapshot(
        id: snapshot, time: record.time, host: record.host, paths: paths)
      found.hasLostLinks = hasLostLinks
      affected.append(found)
    }
    return affected
  }

  func isThere(_ id: Digest) -> Bool {
    guard let location = checked.index.locate(id) else { return false }
    return !lost.contains(location)
  }

  /// One thread's walk over all snapshots.
  private final class Walker {
    let walk: AffectedWalk
    let reader: ChunkReader
    private var clean = DigestSet()

    /// A directory that is being walked.
    private struct Level {
      let id: Digest
      /// Bytes of the path above this directory's entries.
      let pathLength: Int
      var subdirectories: [(name: [UInt8], content: DirectoryContent)]
      var isClean: Bool
    }

    init(walk: AffectedWalk, reader: ChunkReader) {
      self.walk = walk
      self.reader = reader
    }

    func paths(_ tree: SnapshotRecord.Tree) throws -> [[UInt8]] {
      var found: [[UInt8]] = []
      var path: [UInt8] = []
      var levels = [Level]()
      if let root = try enter(tree.id, &path, &found) { levels.append(root) }
      while let level = levels.last {
        path.removeSubrange(level.pathLength...)
        guard let next = level.subdirectories.last, levels.count < TreeLimits.depth else {
          leave(&levels)
          continue
        }
        levels[levels.count - 1].subdirectories.removeLast()
        path += next.name
        path.append(UInt8(ascii: "/"))
        let before = found.count
        if let below = try enter(next.content.id, &path, &found) { levels.append(below) }
        if found.count > before { levels[levels.count - 1].isClean = false }
      }
      return found.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Ends the last level: it is clean, or the one above is not either.
    private func leave(_ levels: inout [Level]) {
      guard let level = levels.popLast() else { return }
      if level.isClean {
        _ = clean.insert(level.id)
      } else if !levels.isEmpty {
        levels[levels.count - 1].isClean = false
      }
    }

    /// Reads a directory: notes files that are not whole.
    ///
    /// - Parameter path: of the directory, with a slash at the end; empty for the root.
    /// - Returns: nil when the directory is clean or lost.
    private func enter(
      _ id: Digest, _ path: inout [UInt8], _ found: inout [[UInt8]]
    ) throws -> Level? {
      try walk.session.cancellation.check()
      if clean.contains(id) { return nil }
      let pathLength = path.count
      var subdirectories: [(name: [UInt8], content: DirectoryContent)] = []
      var files: [[UInt8]] = []
      do {
        guard !walk.lostNodes.contains(id) else { throw VarveError(.damaged, "it is lost") }
        try DirectoryReader.forEachEntry(of: id, fetch: reader.chunk) { raw in
          let entry = try raw.decode()
          switch entry.content {
          case .directory(let content): subdirectories.append((entry.name, content))
          case .file(let file): if try !isWhole(file) { files.append(path + entry.name) }
          case .link, .device, .none: break
          }
        }
      } catch {
        _ = try CheckSession.kind(of: error)
        found.append(path.isEmpty ? [UInt8(ascii: "/")] : path)
        return nil
      }
      found += files
      subdirectories.reverse()
      return Level(
        id: id, pathLength: pathLength, subdirectories: subdirectories, isClean: files.isEmpty)
    }

    private func isWhole(_ file: FileContent) throws -> Bool {
      switch file.form {
      case .chunks(let chunks): return chunks.allSatisfy { walk.isThere($0.address) }
      case .lists(let lists):
        for list in lists {
          guard !walk.lostNodes.contains(list.id), walk.isThere(list.id),
            let node = try? reader.chunk(list.id),
            let chunks = try? node.withUnsafeBytes({ try ChunkListNode(decoding: $0).chunks }),
            chunks.allSatisfy({ walk.isThere($0.address) })
          else { return false }
        }
        return true
      }
    }
  }
}
