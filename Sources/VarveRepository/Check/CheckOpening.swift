internal import VarveFormat
internal import VarveProof
internal import VarveStorage

/// How far a repository could be opened.
struct OpenedForCheck {
  /// Nil when the log cannot be read to its end.
  var log: Log?
  /// Nil when no credential opens, or the log cannot be read.
  var unlocked: UnlockedRepository?
  /// Why `unlocked` is nil although the log could be read.
  var lock: VarveError?

  /// Once all credentials have been looked at: says what was not checked because nothing unlocked.
  ///
  /// - Throws: what unlocking threw when no damage explains it.
  func explainLock(_ session: CheckSession) throws {
    guard let lock else { return }
    let damages = session.damages
    switch lock.code {
    case .damaged, .missing:
      if damages.isEmpty { try session.add(ObjectName.config, lock) }
    case .wrongPassword, .forbidden:
      guard damages.contains(where: { $0.object.hasPrefix(ObjectName.credentialPrefix) }) else {
        throw lock
      }
    default: throw lock
    }
    session.addNotChecked("index, snapshots, trees and chunks: nothing unlocks (\(lock))")
  }
}

/// Opens a repository for a check: names what is in the way instead of giving up.
struct CheckOpening {
  let session: CheckSession
  let client: ClientDirectories

  func open(
    _ unlock: (Repository) throws -> UnlockedRepository
  ) throws -> OpenedForCheck {
    var opened = OpenedForCheck()
    guard let stored = try openConfig(), let (repository, log) = try openLog(stored) else {
      session.addNotChecked(
        "index, snapshots, trees and chunks: what is live and what unlocks cannot be known")
      return opened
    }
    opened.log = log
    for failure in try log.verifyAll().failures {
      let isCommit = failure.name.hasPrefix(ObjectName.commitPrefix)
      try session.add(failure.name, failure.error, isDerived: !isCommit)
    }
    do {
      let unlocked = try unlock(repository)
      opened.unlocked = unlocked
      opened.log = unlocked.log
    } catch let error as VarveError where error.code != .interrupted {
      opened.lock = error
    }
    return opened
  }

  private func openConfig() throws -> Repository? {
    do {
      return try Repository.open(storage: session.storage, client: client)
    } catch let error as VarveError where error.code == .noRepository {
      guard try hasObjects(ObjectName.commitPrefix) else { throw error }
      session.add(
        CheckReport.Damage(
          object: ObjectName.config, kind: .missing, message: "it is not there, but a log is"))
      return nil
    } catch {
      try session.add(ObjectName.config, error)
      return nil
    }
  }

  /// The log, if need be without its checkpoint.
  private func openLog(_ repository: Repository) throws -> (Repository, Log)? {
    let failure: VarveError
    do {
      return (repository, try repository.openLog(client: client))
    } catch let error as VarveError {
      failure = error
    }
    switch failure.code {
    case .damaged, .missing, .io: break
    case .noRepository:
      guard try hasObjects(ObjectName.commitPrefix) else { throw failure }
      let name = ObjectName.commit(0)
      session.add(
        CheckReport.Damage(object: name, kind: .missing, message: "later commits are there"))
      return nil
    default: throw failure
    }
    let bare = Repository(
      storage: StorageWithoutDerived(session.storage), config: repository.config,
      configDigest: repository.configDigest)
    if let log = try? bare.openLog(client: client) {
      let isDerived = failure.code == .damaged
      let name = isDerived ? ObjectName.checkpoint : ObjectName.commit(log.head.size)
      try session.add(name, failure, isDerived: isDerived)
      return (bare, log)
    }
    guard let (name, error) = brokenCommit(repository) else { throw failure }
    try session.add(name, error)
    return nil
  }

  /// The commit at which the log cannot be followed any further.
  private func brokenCommit(_ repository: Repository) -> (name: String, error: any Error)? {
    var fold = LogFold(config: repository.config, configDigest: repository.configDigest)
    while true {
      let name = ObjectName.commit(fold.head.size)
      do {
        try fold.append(commit: session.storage.read(name))
      } catch let error as VarveError where error.code == .missing {
        return nil
      } catch {
        return (name, error)
      }
    }
  }

  private func hasObjects(_ prefix: String) throws -> Bool {
    struct Found: Error {}
    do {
      try session.storage.list(prefix) { _, _ in throw Found() }
      return false
    } catch is Found {
      return true
    }
  }
}
