import Glibc
import VarveCrypto
import VarveFormat

/// The directory of the local cache that has segments (`<digest>`) and runs (`<digest of the cover>.run`).
///
/// Any number of processes may use it at once, and any file may vanish at any time. A file appears whole
/// under its name. Who merges unlinks the inputs after the run has its name; who finds a name gone that
/// it has just listed lists again. What was unlinked stays mapped where it is in use.
package struct RunDirectory: Sendable {
  private static let suffix = ".run"
  /// Seconds after which a file that is of no use to this client is deleted. Until then it may be
  /// another process's, which has not committed yet.
  private static let grace = 86_400
  /// Rows that are merged in memory when the directory cannot be written: 45 MB.
  private static let memoryRowLimit = 1 << 20

  /// Nil to hold runs in memory.
  let path: String?
  /// Whether runs get a name, and their inputs are unlinked.
  let keeps: Bool

  package init(path: String?, keeps: Bool = true) {
    self.path = path
    self.keeps = keeps && path != nil
  }

  /// Makes one run of tables, and deletes their files.
  ///
  /// - Throws: `DamagedTable`; `.io`, and nothing has changed.
  func merge(_ inputs: [IndexTable]) throws -> IndexTable {
    if let path {
      do {
        return try merge(inputs, CacheFile(directory: path), as: keeps ? Self.name(inputs) : nil)
      } catch let error as VarveError {
        // Where nothing can be written, what little there is fits into memory.
        guard inputs.reduce(0, { $0 + $1.rowCount }) <= Self.memoryRowLimit else { throw error }
      }
    }
    return try merge(inputs, CacheFile(inMemory: "index"), as: nil)
  }

  private func merge(
    _ inputs: [IndexTable], _ file: CacheFile?, as name: String?
  ) throws -> IndexTable {
    guard let file else { throw VarveError(.io, "cannot make a file for the index") }
    let live = try RunMerge.write(inputs, to: file)
    let target = name.flatMap { name in path.map { "\($0)/\(name)" } }
    let run = try RunFile(MappedBytes.map(file.descriptor, target ?? "index"), path: target)
    if let target {
      guard file.sync(), file.rename(to: target) else {
        throw VarveError(.io, "cannot write \(target)")
      }
      for input in inputs {
        if let old = input.path, old != target { unlink(old) }
      }
    }
    let table = IndexTable(run, isLiveSegment: { _ in true }, isLive: { _, _ in false })
    for (pack, isLive) in live.enumerated() { table.liveness.set(pack, isLive: isLive == 1) }
    return table
  }

  private static func name(_ inputs: [IndexTable]) -> String {
    let digest = SHA256Stream()
    for segment in RunMerge.cover(of: inputs) {
      segment.name.bytes.withUnsafeBytes { digest.update($0) }
    }
    return digest.finish().hex + suffix
  }

  /// All runs that are right, the longest first. Damaged ones are deleted.
  func runs() -> [RunFile] {
    var found: [RunFile] = []
    for _ in 0..<8 {
      found.removeAll()
      var isComplete = true
      for name in names() where name.hasSuffix(Self.suffix) {
        guard let path else { continue }
        do {
          found.append(try RunFile.open(path: "\(path)/\(name)"))
        } catch let error as VarveError where error.code == .damaged {
          unlink("\(path)/\(name)")
        } catch let error as VarveError where error.code == .io {
          isComplete = false
        } catch {
          continue
        }
      }
      if isComplete { break }
    }
    return found.sorted { $0.header.rowCount > $1.header.rowCount }
  }

  /// Deletes what is of no use: segments that `runs` cover, runs all of whose segments others of `runs` cover,
  /// and, once they are a day old, unfinished files and everything that is neither live nor among `runs`.
  func prune(_ runs: [RunFile], isLiveSegment: (Digest) -> Bool) {
    guard keeps, let path else { return }
    let used = Set(runs.compactMap(\.path))
    let covered = Set(runs.lazy.flatMap(\.cover).map(\.name))
    let now = time(nil)
    for name in names() {
      let file = "\(path)/\(name)"
      guard !used.contains(file) else { continue }
      let isOld: () -> Bool = {
        var status = stat()
        return lstat(file, &status) == 0 && now - status.st_mtim.tv_sec > Self.grace
      }
      if let digest = Digest(hex: name) {
        if covered.contains(digest) || !isLiveSegment(digest) && isOld() { unlink(file) }
      } else if name.hasSuffix(Self.suffix) {
        let isSuperseded =
          (try? RunFile.open(path: file))?.cover.allSatisfy { covered.contains($0.name) } ?? false
        if isSuperseded || isOld() { unlink(file) }
      } else if name.hasPrefix(CacheFile.prefix), isOld() {
        unlink(file)
      }
    }
  }

  /// Verifies every byte of all runs and deletes those that have changed. O(rows).
  ///
  /// - Returns: how many have.
  package func removeDamaged() -> Int {
    runs().count { run in
      guard (try? run.verify()) == nil, let path = run.path else { return false }
      unlink(path)
      return true
    }
  }

  private func names() -> [String] {
    guard let path, let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    return names
  }
}
