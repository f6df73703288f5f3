import VarveFormat

extension LogState {
  /// Whether all entries that rows name are among those folded, so that what is appended on top can be
  /// written. Only a stored fold that somebody forged is not so: its sum and its Merkle tree are right. O(rows).
  var isPlausible: Bool {
    authors.values.allSatisfy {
      $0.added < size && $0.removed ?? 0 < size && $0.newestEntry ?? 0 < size
    } && snapshots.inOrder.allSatisfy { $0.entry < size }
      && forgotten.values.allSatisfy { $0.entry < size } && checks.allSatisfy { $0.entry < size }
      && receipts.allSatisfy { $0.entry < size }
      && proposals.values.allSatisfy { $0.entry < size && $0.carriedOut ?? 0 < size }
      && holds.values.allSatisfy { $0.entry < size }
      && policies.values.allSatisfy { $0.entry < size }
      && defaultPolicy.map { $0.entry < size } ?? true && areDeletionsPlausible
  }

  private var areDeletionsPlausible: Bool {
    addedInventories.allSatisfy { $0.entry < size } && repacks.allSatisfy { $0.entry < size }
      && condemnations.values.allSatisfy { $0.entry < size }
      && attestations.allSatisfy { $0.entry < size && $0.size <= $0.entry }
      && losses.allSatisfy { $0.entry < size } && newestCondemnation.map { $0 < size } ?? true
  }
}
