internal import Synchronization
package import VarveFormat
package import VarveStorage

/// What is there of what a log state names, as far as it can be seen without a key.
package struct KeylessObjects: Sendable {
  /// Live objects that were looked at.
  package var objects: UInt64 = 0
  /// Bytes that were read for their digests.
  package var bytesRead: UInt64 = 0
  package var damages: [CheckReport.Damage] = []
  /// What could not be compared, and why.
  package var notChecked: [String] = []
  /// Objects that the log does not name.
  package var unreferenced: [ObjectReference] = []

  /// Compares presence and size of packs and index segments, and the digests of all smaller objects.
  ///
  /// - Parameter hashes: whether packs and index segments are read for their digests, too.
  /// - Throws: `.io`, `.interrupted`; damage is reported.
  package init(
    _ state: LogState, storage: any StorageBackend, hashes: Bool, cancellation: CancellationFlag
  ) throws {
    let session = CheckSession(
      storage: storage, options: CheckOptions(readData: hashes ? .all : .none), observer: nil,
      cancellation: cancellation)
    let found = try ObjectCheck(session: session).run(state)
    objects = found.checked
    unreferenced = found.unreferenced
    if hashes {
      var report = CheckReport(start: WallClock.now())
      try KeylessCheck(session: session, objects: found).run(&report)
      bytesRead = session.progress.bytesRead.load(ordering: .relaxed)
    }
    damages = session.damages
    notChecked = session.notChecked
  }
}
