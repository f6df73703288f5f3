internal import Synchronization
internal import VarveFormat

/// What can be checked where nothing unlocks: that objects have the digests they are named by.
struct KeylessCheck {
  let session: CheckSession
  let objects: CheckedObjects

  func run(_ report: inout CheckReport) throws {
    var names: [(name: String, digest: Digest, size: UInt64)] = []
    for segment in objects.segments {
      guard let digest = ObjectName.digest(of: segment.name) else { continue }
      names.append((segment.name, digest, segment.size))
    }
    report.indexSegments = UInt64(objects.segments.count)
    report.snapshots = UInt64(objects.snapshots.count + objects.lostSnapshots.count)
    let packs = objects.packs.filter {
      !objects.missingPacks.contains($0.key) && !objects.suspectPacks.contains($0.key)
    }
    let chosen = PackSelection.select(packs, session.options)
    for pack in chosen { names.append((ObjectName.pack(pack), pack, packs[pack] ?? 0)) }
    try DataCheck(session: session).runKeyless(names)
    report.packsRead = UInt64(chosen.count)
    report.bytesRead = session.progress.bytesRead.load(ordering: .relaxed)
    report.affected = objects.lostSnapshots.map { CheckReport.AffectedSnapshot(id: $0) }
  }
}
