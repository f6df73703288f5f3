import VarveCrypto
import VarveFormat
import VarveRepository

/// Subtrees known to hold nothing that is looked for, so that later snapshots do not read them again.
///
/// What matters about a subtree is its node id, and for patterns of more than one component also where
/// it lies. At most 2^20 are kept (86 MB); what is not kept is searched again.
struct BarrenSubtrees: ~Copyable {
  private static let limit = 1 << 20

  private let dependsOnPath: Bool
  private var keys = DigestSet()

  init(dependsOnPath: Bool) { self.dependsOnPath = dependsOnPath }

  func contains(_ id: Digest, at path: [UInt8]) -> Bool { keys.contains(key(id, path)) }

  mutating func insert(_ id: Digest, at path: [UInt8]) {
    guard keys.count < Self.limit else { return }
    _ = keys.insert(key(id, path))
  }

  private func key(_ id: Digest, _ path: [UInt8]) -> Digest {
    guard dependsOnPath else { return id }
    return withUnsafeTemporaryAllocation(byteCount: Digest.byteCount, alignment: 8) { bytes in
      guard let base = bytes.baseAddress else { return id }
      id.store(to: base)
      return path.withUnsafeBytes { SHA256.digest(UnsafeRawBufferPointer(bytes), $0) }
    }
  }
}
