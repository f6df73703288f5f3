internal import Synchronization
internal import VarveFormat
internal import VarveStorage

/// Everything that takes a key: index, snapshots, trees and chunks.
struct ContentCheck {
  let session: CheckSession
  let unlocked: UnlockedRepository
  let objects: CheckedObjects

  func run(_ report: inout CheckReport) throws {
    let cipher = SegmentCipher(
      indexKey: try unlocked.keys.indexKey(), repository: unlocked.config.id)
    let cache = SegmentCache(
      cipher: cipher, storage: session.storage, directory: unlocked.cacheDirectory)
    let checked = try IndexCheck(session: session, cipher: cipher, cache: cache).run(objects)
    report.indexSegments = UInt64(checked.segments.count)
    report.snapshots = UInt64(objects.snapshots.count + objects.lostSnapshots.count)
    guard unlocked.role != .writer else { return try runWithoutDataKey(&report) }

    let keyring = PackKeyring(
      storage: session.storage, repository: unlocked.config.id,
      privateKey: try unlocked.keys.dataKey())
    let lost = LostPlaces()
    for pack in objects.missingPacks { lost.add(pack: pack) }

    let trees = try TreeCheck(
      session: session, unlocked: unlocked, checked: checked, keyring: keyring, lost: lost)
    let walked = try trees.run(objects.snapshots)
    report.treeNodes = session.progress.treeNodes.load(ordering: .relaxed)
    report.chunks = walked.chunks

    let present = objects.packs.filter { !objects.missingPacks.contains($0.key) }
    let suspects = objects.suspectPacks.union(walked.suspectPacks)
      .subtracting(objects.missingPacks)
    let chosen = Set(PackSelection.select(present, session.options)).union(suspects)
    report.chunksVerified = try DataCheck(session: session)
      .run(chosen.sorted(), present, keyring, checked, lost)
    report.packsRead = UInt64(chosen.count)
    report.bytesRead = session.progress.bytesRead.load(ordering: .relaxed)

    try explainMissingChunks(walked, checked)
    let lostRecords = Set(objects.lostSnapshots).union(walked.lostSnapshots)
    guard !lost.isEmpty || walked.hasLosses || !lostRecords.isEmpty else { return }
    try session.began(.affected)
    report.affected = try AffectedWalk(
      session: session, unlocked: unlocked, checked: checked, keyring: keyring, lost: lost,
      lostNodes: walked.lostNodes
    ).run(unlocked.log.state.snapshotsInOrder.map(\.id), lostRecords: lostRecords)
  }

  private func runWithoutDataKey(_ report: inout CheckReport) throws {
    session.addNotChecked(
      "snapshot records, trees and chunks: a writer's credential cannot read them")
    let packs = objects.packs.filter {
      !objects.missingPacks.contains($0.key) && !objects.suspectPacks.contains($0.key)
    }
    let chosen = PackSelection.select(packs, session.options)
    try DataCheck(session: session).runKeyless(
      chosen.map { (ObjectName.pack($0), $0, packs[$0] ?? 0) })
    report.packsRead = UInt64(chosen.count)
    report.bytesRead = session.progress.bytesRead.load(ordering: .relaxed)
    report.affected = objects.lostSnapshots.map { CheckReport.AffectedSnapshot(id: $0) }
  }

  /// Chunks that are in no segment are a consequence where segments or inventories are lost; otherwise
  /// somebody has made a snapshot without storing what it needs.
  private func explainMissingChunks(_ walked: TreeCheck.Walked, _ checked: CheckedIndex) throws {
    guard checked.isComplete else { return }
    for (snapshot, missing) in walked.missing.sorted(by: { $0.key < $1.key }) {
      session.add(
        CheckReport.Damage(
          object: ObjectName.snapshot(snapshot), kind: .missing,
          message:
            "no index segment has \(missing.count) of the chunks and nodes it needs, such as "
            + "\(missing.first)"))
    }
  }
}
