import Synchronization
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

/// A repository that stays open between requests.
final class RepositoryShelf: Sendable {
  let settings: RepositorySettings
  private let reader: StatusReader
  private let opened = Mutex<UnlockedRepository?>(nil)
  private let known = Mutex<RepositoryFacts?>(nil)
  /// With an index, as of the size of the log that it was opened at.
  private let indexed = Mutex<IndexedRepository?>(nil)

  init(_ settings: RepositorySettings, _ reader: StatusReader) {
    self.settings = settings
    self.reader = reader
  }

  /// Reads the repository for its status; blocks as long as its store does.
  func readFacts() -> RepositoryFacts {
    if let repository = opened.withLock({ $0 }) {
      do {
        try repository.log.refresh()
        let facts = try reader.facts(repository, settings, known: known.withLock { $0 })
        known.withLock { $0 = facts }
        return facts
      } catch {
        // Whatever it was: it is opened anew the next time.
        opened.withLock { $0 = nil }
        return RepositoryFacts(error, read: WallClock.now())
      }
    }
    return reader.facts(settings) { repository in opened.withLock { $0 = repository } }
  }

  /// The repository with its index, for reading what is stored; opened when somebody first asks.
  ///
  /// - Throws: what opening throws; `VarveError.Code.forbidden` for a credential that cannot read.
  func readable() throws -> IndexedRepository {
    let repository = try repository()
    if let known = indexed.withLock({ $0 }), known.unlocked === repository,
      known.state.size == repository.log.state.size
    {
      return known
    }
    let new = try IndexedRepository(repository)
    _ = try new.makeReader()
    indexed.withLock { $0 = new }
    return new
  }

  /// The repository, for showing what it has: its log has the cosignatures that the settings require.
  ///
  /// - Throws: what opening throws; `VarveError.Code.unproved` without them.
  func repository() throws -> UnlockedRepository {
    if let known = opened.withLock({ $0 }) {
      // Its status was read without.
      try reader.requireCosignatures(of: known.log, settings)
      return known
    }
    guard settings.credential != nil else {
      throw VarveError(
        .forbidden, "the configuration has nothing that unlocks '\(settings.name)'",
        hint: "give the repository a password file or a key file")
    }
    let new = try reader.opening(settings).unlocked()
    return opened.withLock { known in
      if let known { return known }
      known = new
      return new
    }
  }

  /// A live snapshot by the beginning of its id, and its record.
  ///
  /// - Throws: `VarveError.Code.notFound`.
  func snapshot(_ id: String) throws -> (repository: IndexedRepository, snapshot: ChosenSnapshot) {
    let repository = try readable()
    let selector = try SnapshotSelector(parsing: Array(id.utf8))
    return (repository, try SnapshotSearch(repository.unlocked).find(selector))
  }
}
