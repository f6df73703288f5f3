internal import Synchronization
internal import VarveFormat
internal import VarveStorage

/// Removes at the target what the source's log says is dead. Whatever else may be there stays.
struct MirrorDeletion {
  private let mirror: Mirror
  private let doomed: [MirrorObject]

  init(_ mirror: Mirror, _ doomed: [MirrorObject]) {
    self.mirror = mirror
    self.doomed = doomed
  }

  /// - Throws: what removing throws, but for `.forbidden`, which is reported: a server that only adds keeps everything.
  func run(_ report: inout MirrorReport) throws {
    guard mirror.options.deletes, !doomed.isEmpty else { return }
    let (mirror, doomed) = (mirror, doomed)
    let tally = Mutex((objects: UInt64(0), bytes: UInt64(0), isForbidden: false))
    try ParallelWork.forEach(
      doomed.count, threads: mirror.options.requests, mirror.cancellation
    ) { number in
      let object = doomed[number]
      guard !tally.withLock({ $0.isForbidden }) else { return }
      do {
        if !mirror.options.dryRun { try mirror.target.remove(object.name) }
      } catch let error as VarveError where error.code == .forbidden {
        return tally.withLock { $0.isForbidden = true }
      }
      tally.withLock {
        $0.objects += 1
        if object.size != MirrorObject.unknownSize { $0.bytes &+= object.size }
      }
    }
    let done = tally.withLock { $0 }
    report.objectsDeleted = done.objects
    report.bytesDeleted = done.bytes
    report.deletionIsForbidden = done.isForbidden
  }
}
