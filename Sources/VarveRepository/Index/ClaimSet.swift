internal import Synchronization
package import VarveFormat

/// The chunks that this session has taken on itself to store, shared by its threads.
///
/// Striped over 64 locks by bits of the digest that `DigestSet` does not use first. A chunk that has come into
/// the index meanwhile need not be claimed any longer: before a stripe grows, it is cleared of those. So memory is that
/// of the chunks whose segment is not written yet (`ChunkStore.rowLimit`), 64 MB and less, however long the session.
package final class ClaimSet: Sendable {
  private final class Stripe: Sendable {
    let claimed = Mutex(DigestSet())
  }

  private let stripes: [Stripe] = (0..<64).map { _ in Stripe() }
  private let isStored: @Sendable (Digest) -> Bool
  private let cleared: @Sendable () -> Void

  /// - Parameters:
  ///   - isStored: whether the index has the chunk, so that nobody will claim it who looked there first.
  ///   - cleared: called after a stripe has been cleared.
  package init(
    isStored: @escaping @Sendable (Digest) -> Bool = { _ in false },
    cleared: @escaping @Sendable () -> Void = {}
  ) {
    self.isStored = isStored
    self.cleared = cleared
  }

  private func stripe(of id: Digest) -> Stripe { stripes[Int(id.prefix64 >> 58)] }

  /// Whether the caller is the first to claim `id`, and so the one that must store it.
  ///
  /// Who looked for it before it came into the index and claims it afterwards is told to store it once more:
  /// a row too many, and no harm.
  package func claim(_ id: Digest) -> Bool {
    stripe(of: id).claimed.withLock { claimed in
      if claimed.isFull {
        claimed.removeAll(where: isStored)
        cleared()
      }
      return claimed.insert(id)
    }
  }

  /// Chunks that are claimed now.
  package var count: Int { stripes.reduce(0) { $0 + $1.claimed.withLock { $0.count } } }
}
