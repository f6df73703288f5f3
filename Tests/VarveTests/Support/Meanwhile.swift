import Synchronization
import Testing
import Varve
import VarveFormat
import VarveRepository
import VarveStorage

/// Storage of one client, who does not know that another is at work.
enum Meanwhile {
  /// - Parameters:
  ///   - isMeant: says of a call whether `act` is to come before it; asked until it says so once.
  ///   - act: what the other client does.
  static func storage(
    _ storage: any StorageBackend,
    beforeFirst isMeant: @escaping @Sendable (FaultStorage.Operation) -> Bool,
    comes act: @escaping @Sendable () throws -> Void
  ) -> FaultStorage {
    let isDone = Mutex(false)
    return FaultStorage(storage) { operation, _ in
      let isNow =
        isMeant(operation)
        && isDone.withLock { done in
          defer { done = true }
          return !done
        }
      if isNow { #expect(throws: Never.self) { try act() } }
      return .pass
    }
  }
}

extension FaultStorage.Operation {
  func reads(_ prefix: String) -> Bool {
    if case .read(let name) = self { name.hasPrefix(prefix) } else { false }
  }

  func puts(_ prefix: String) -> Bool {
    if case .put(let name) = self { name.hasPrefix(prefix) } else { false }
  }

  func creates(_ prefix: String) -> Bool {
    if case .createExclusively(let name) = self { name.hasPrefix(prefix) } else { false }
  }
}

extension BackupBench {
  /// Forgets a snapshot and prunes without grace, as another client.
  func prune(forgetting snapshot: Digest, repackSmall: Bool = false) throws {
    let other = try unlocked(storage)
    try other.log.append { _ in [.forget(.init(snapshots: [snapshot], reason: "test"))] }
    var options = PruneOptions()
    options.grace = 0
    options.maxUnused = .bytes(0)
    options.repackSmall = repackSmall
    _ = try Prune(other, options: options).run()
  }
}
