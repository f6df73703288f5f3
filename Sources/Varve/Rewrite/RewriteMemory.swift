import Synchronization
internal import VarveCrypto
internal import VarveFormat

/// What became of directories, so that those which many snapshots share are rewritten once.
///
/// Two generations of up to 2^17 directories, of 128 bytes each at a load of 3/8 to 3/4: 90 MB at most. What is met again moves into
/// the younger one. A tree of more directories than that still loses little: the upper ones, which spare the walk of all below
/// them, come last.
final class RewriteMemory: Sendable {
  private static let limit = 1 << 17

  private struct Generations {
    var young: [Digest: RewrittenTree] = [:]
    var old: [Digest: RewrittenTree] = [:]

    mutating func insert(_ key: Digest, _ tree: RewrittenTree) {
      if young.count >= limit {
        old = young
        young = [:]
      }
      young[key] = tree
    }
  }

  private let generations = Mutex(Generations())

  subscript(key: Digest) -> RewrittenTree? {
    get {
      generations.withLock {
        if let tree = $0.young[key] { return tree }
        guard let tree = $0.old[key] else { return nil }
        $0.insert(key, tree)
        return tree
      }
    }
    set {
      guard let newValue else { return }
      generations.withLock { $0.insert(key, newValue) }
    }
  }

  func removeAll() { generations.withLock { $0 = Generations() } }

  /// The key of a directory, at a path where that matters.
  static func key(_ id: Digest, _ path: [UInt8]?) -> Digest {
    guard let path else { return id }
    return SHA256.digest(id.bytes + path)
  }
}
