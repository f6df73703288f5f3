import CVarveLinux
import Glibc
internal import VarveFormat

/// What processes that were killed have left.
extension Staging {
  /// Removes it; first puts back what was taken from its place before anything else was put there.
  ///
  /// - Returns: the safety snapshots of those that had begun to move things.
  static func removeStale(in target: TargetPlaces) -> [String] {
    var listing = DirectoryListing()
    let own = Descriptor(owning: OpenAt.directory(target.root.number, "."))
    guard own.number >= 0, listing.load(own.number) == 0 else { return [] }
    var begun: [String] = []
    for index in 0..<listing.count {
      let name = Array(listing.bytes(index))
      guard name.starts(with: prefix), name.count == prefix.count + 16 else { continue }
      let opened = (name + [0]).withName { OpenAt.directory(target.root.number, $0) }
      guard opened >= 0 else { continue }
      let directory = Descriptor(owning: opened)
      guard flock(directory.number, LOCK_EX | LOCK_NB) == 0 else { continue }
      if let journal = Journal(in: directory.number) {
        if let safety = journal.safety { begun.append(safety) }
        guard putBack(journal.places, from: directory.number, in: target) else { continue }
      }
      _ = remove(name, in: target)
    }
    return begun
  }

  private struct Journal {
    let safety: String?
    let places: [[UInt8]]

    /// Nil when there is none.
    init?(in directory: Int32) {
      let opened = varve_open(directory, "journal", O_RDONLY | O_NOFOLLOW, 0)
      guard opened >= 0 else { return nil }
      let file = Descriptor(owning: opened)
      var status = FileStatus()
      guard FileStatus.read(file.number, into: &status) == 0 else { return nil }
      var text = [UInt8](repeating: 0, count: Int(clamping: status.size))
      let count = text.withUnsafeMutableBytes { buffer in
        var done = 0
        while done < buffer.count {
          let read = varve_pread(
            file.number, buffer.baseAddress! + done, buffer.count - done, Int64(done))
          guard read > 0 else { break }
          done += read
        }
        return done
      }
      let lines = text.prefix(count).split(
        separator: 0x0a, maxSplits: 1, omittingEmptySubsequences: false)
      let first = String(decoding: lines.first ?? [], as: UTF8.self)
      safety = first.utf8.count == 64 ? first : nil
      // What has no end was not written whole, and nothing was moved.
      places =
        lines.count < 2
        ? []
        : lines[1].split(separator: 0, omittingEmptySubsequences: false).dropLast().map(Array.init)
    }
  }

  /// False when something has no place any more, or cannot be put there.
  private static func putBack(
    _ places: [[UInt8]], from directory: Int32, in target: TargetPlaces
  ) -> Bool {
    let opened = OpenAt.directory(directory, "replaced")
    if opened == -ENOENT { return true }
    guard opened >= 0 else { return false }
    let replaced = Descriptor(owning: opened)
    var listing = DirectoryListing()
    guard listing.load(replaced.number) == 0 else { return false }
    var isDone = true
    for index in 0..<listing.count {
      let name = Array(listing.bytes(index))
      guard let number = Int(String(decoding: name, as: UTF8.self)), places.indices.contains(number)
      else { continue }
      let path = places[number]
      var status = FileStatus()
      do {
        if try target.look(at: path, &status) { continue }
        let result = Switch.rename((replaced.number, name + [0]), target.parent(of: path))
        isDone = isDone && result == 0
      } catch {
        isDone = false
      }
    }
    return isDone
  }
}
