import VarveFormat
import VarveStorage

/// Where the store locks what is stored for a time, what is still in use is locked anew.
enum RetentionExtension {
  /// Has everything that the newest state of the log needs be kept for the store's time, counted from now: one or two requests
  /// each, several at a time. Does nothing where nothing is locked.
  ///
  /// - Throws: what the store throws; `.interrupted`. What is missing is for `check` to tell.
  static func run(_ unlocked: UnlockedRepository, _ cancellation: CancellationFlag) throws {
    let storage = unlocked.storage
    guard let seconds = storage.retentionSeconds else { return }
    let now = WallClock.now()
    let end = Timestamp(seconds: now.seconds &+ seconds)
    let state = unlocked.log.state
    let known = try KnownObjects(state, storage: unlocked.metadata)
    var names = [ObjectName.config]
    names += known.live.sizes.keys
    for kind in known.doubtful.keys {
      switch kind {
      case .pack(let digest): names.append(ObjectName.pack(digest))
      case .index(let digest): names.append(ObjectName.index(digest))
      default: break
      }
    }
    names += state.liveCredentials.compactMap(\.credential).map(ObjectName.credential)
    names += state.snapshotsInOrder.map { ObjectName.snapshot($0.id) }
    names += state.inventories.map(ObjectName.inventory)
    names += unlocked.log.commitStarts.map(ObjectName.commit)
    try ParallelWork.forEach(names.count, threads: storage.transfersAtOnce, cancellation) {
      [names] number in
      do {
        try storage.extendRetention(of: names[number], until: end)
      } catch let error as VarveError where error.code == .missing {
        return
      }
    }
  }
}
