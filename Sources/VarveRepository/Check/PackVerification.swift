internal import VarveCrypto
package import VarveFormat
package import VarveStorage

/// Verifies single packs as a check that reads all data does, against the index of an intact repository.
package struct PackVerification {
  private let unlocked: UnlockedRepository
  private let checked: CheckedIndex
  private let sizes: [Digest: UInt64]

  /// - Throws: as a check; `.damaged` when the index is not whole.
  package init(_ unlocked: UnlockedRepository) throws {
    self.unlocked = unlocked
    let session = Self.session(unlocked.storage)
    let objects = try ObjectCheck(session: session).run(unlocked.log.state)
    let cipher = SegmentCipher(
      indexKey: try unlocked.keys.indexKey(), repository: unlocked.config.id)
    let cache = SegmentCache(cipher: cipher, storage: unlocked.storage, directory: nil)
    checked = try IndexCheck(session: session, cipher: cipher, cache: cache).run(objects)
    sizes = objects.packs
    guard session.damages.isEmpty else {
      throw VarveError(.damaged, "the index is damaged: \(session.damages[0].message)")
    }
  }

  /// What is wrong with a pack as `storage` has it.
  package func damages(of pack: Digest, in storage: any StorageBackend) throws
    -> [CheckReport.Damage]
  {
    let session = Self.session(storage)
    let keyring = PackKeyring(
      storage: storage, repository: unlocked.config.id, privateKey: try unlocked.keys.dataKey())
    let check = try PackCheck(
      session: session, keyring: keyring, checked: checked, lost: LostPlaces())
    var rest: [(pack: Digest, size: UInt64)] = [(pack, sizes[pack] ?? 0)]
    try check.run { rest.popLast() }
    return session.damages
  }

  private static func session(_ storage: any StorageBackend) -> CheckSession {
    CheckSession(
      storage: storage, options: CheckOptions(readData: .all), observer: nil,
      cancellation: CancellationFlag())
  }
}
