import Synchronization
internal import VarveFormat

/// Gathers the hard links of a snapshot: files with more than one link, by device and inode.
///
/// Memory grows with the linked files only: about their path and 100 bytes each.
final class LinkCollector: Sendable {
  private struct Key: Hashable {
    let device: UInt64
    let inode: UInt64
  }

  private let groups = Mutex<[Key: [[UInt8]]]>([:])

  /// - Parameter path: from the snapshot's root, components joined by `/`.
  func add(device: UInt64, inode: UInt64, path: [UInt8]) {
    groups.withLock { $0[Key(device: device, inode: inode), default: []].append(path) }
  }

  /// The groups with at least two members, as the link table wants them.
  ///
  /// - Parameter isMember: whether the snapshot has an entry at that path.
  func table(of isMember: ([UInt8]) -> Bool = { _ in true }) -> [[[UInt8]]] {
    groups.withLock { groups in
      groups.values.map { $0.filter(isMember) }.filter { $0.count > 1 }
        .map { $0.sorted { $0.lexicographicallyPrecedes($1) } }
        .sorted { $0[0].lexicographicallyPrecedes($1[0]) }
    }
  }
}
