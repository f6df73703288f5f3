internal import Synchronization
package import VarveFormat

/// The chunks that this session has taken on itself to store, shared by its threads.
///
/// Striped over 64 locks by bits of the digest that `DigestSet` does not use first.
package final class ClaimSet: Sendable {
  private final class Stripe: Sendable {
    let claimed = Mutex(DigestSet())
  }

  private let stripes: [Stripe] = (0..<64).map { _ in Stripe() }

  package init() {}

  private func stripe(of id: Digest) -> Stripe { stripes[Int(id.prefix64 >> 58)] }

  /// Whether the caller is the first to claim `id`, and so the one that must store it.
  package func claim(_ id: Digest) -> Bool {
    stripe(of: id).claimed.withLock { $0.insert(id) }
  }
}
