// Repairing what is stored, as far as it goes (docs/reliability.md, "Repair"):
//
//     survey     every live index segment decrypted from storage and validated, every live pack asked for its size and
//                its trailer, both compared; packs of which that raises doubts, or that are asked for, read to the last byte
//     save       blocks of damaged packs that still open go into new packs; new index segments for every live pack
//                that no right segment lists                                              <- all durable (I1)
//     lists      where an inventory of what was added cannot be read: packs in storage that no entry names, dead or alive,
//                and that are whole to the last byte, are taken for those it listed
//     commit     in one commit, on top of the state that was surveyed: a repack entry for what is new (I6), a lost entry
//                for what is damaged or missing, a condemn entry for segments that are intact and wrong
//
// Nothing is taken for lost because storage refused to give it: such an error ends the repair, and nothing has changed.
// A writer at work finds the lost entry before it commits, and stores again what it had taken for stored.

internal import VarveCrypto
public import VarveFormat
internal import VarveStorage

/// Makes the index right again, saves what can be read of damaged packs, and says in the log what is lost. Needs an
/// owner's credential; backups may run meanwhile.
public struct StorageRepair: Sendable {
  /// Which packs are read to the last byte, beside those that raise doubts.
  public enum Reading: Sendable, Equatable {
    case none
    case all
    case some(Set<Digest>)
  }

  private static let attemptLimit = 8

  let unlocked: UnlockedRepository
  let reading: Reading
  let cancellation: CancellationFlag

  /// - Throws: `.forbidden` for other roles than the owner.
  public init(
    _ unlocked: UnlockedRepository, reading: Reading = .none,
    cancellation: CancellationFlag = CancellationFlag()
  ) throws {
    try unlocked.require(.owner, to: "repair the repository")
    self.unlocked = unlocked
    self.reading = reading
    self.cancellation = cancellation
  }

  /// What would be done now. Changes nothing.
  ///
  /// - Throws: `.notFound` for a pack that is asked for and not live; `.missing` or `.damaged` when it cannot be known
  ///   what is dead or lost; `.io` when storage does not give something; `.interrupted`.
  public func plan() throws -> StorageRepairPlan {
    try unlocked.log.refresh()
    return try StorageSurvey(self).plan
  }

  /// Surveys and repairs.
  ///
  /// - Parameter planned: told of the plan, and again when it had to be made anew; may throw to stop.
  /// - Throws: as `plan`.
  public func run(
    planned: (StorageRepairPlan) throws -> Void = { _ in }
  ) throws -> StorageRepairReport {
    let marker = SessionMarker(unlocked.storage)
    try marker.beat()
    defer { marker.remove() }
    for _ in 0..<Self.attemptLimit {
      try unlocked.log.refresh()
      let survey = try StorageSurvey(self)
      try planned(survey.plan)
      guard !survey.plan.isEmpty else { return StorageRepairReport(survey.plan) }
      do {
        return try repair(survey)
      } catch is SurveyIsOutdated {
        continue
      }
    }
    throw VarveError(
      .io, "others kept deleting from the repository while it was repaired",
      hint: "run the repair again when no prune is at work")
  }

  /// Something was condemned, brought back, repacked or lost since the survey.
  private struct SurveyIsOutdated: Error {}

  private func repair(_ survey: StorageSurvey) throws -> StorageRepairReport {
    var report = StorageRepairReport(survey.plan)
    let storage = unlocked.storage
    let store = ChunkStore(
      index: ChunkIndex(), storage: storage,
      recipient: PackRecipient(repository: unlocked.config.id, publicKey: unlocked.config.dataKey),
      segments: survey.segments, cache: survey.cache, packSize: unlocked.config.packSize,
      level: .auto, verifies: true)
    defer { store.end() }
    let writer = try store.makeWriter()
    let salvage = try PackSalvage(survey, writer, cancellation)
    for pack in survey.damagedPacks.sorted() { try salvage.run(pack, &report) }
    try writer.flush()
    try writeSegments(survey, to: store)
    let stored = try store.finish(by: writer)
    report.storedObjects = UInt64(stored.count)
    report.storedByteCount = stored.reduce(0) { $0 + $1.size }

    let plan = survey.plan
    var added = stored + plan.returnedPacks
    // The entry says that what a lost list had is declared anew; it has to name something.
    if added.isEmpty, !plan.lostLists.isEmpty { added = survey.liveSegment.map { [$0] } ?? [] }
    let additions = try ObjectList(storing: added, in: storage)
    let lost = try ObjectList(
      storing: plan.lostPacks.map(\.object) + plan.lostSegments.map(\.object), in: storage)
    let wrong = try ObjectList(storing: plan.wrongSegments, in: storage)
    report.entries = try unlocked.log.append { state in
      try cancellation.check()
      guard state.deletions == survey.state.deletions else { throw SurveyIsOutdated() }
      var bodies: [LogStatement.Body] = []
      if !additions.isEmpty {
        let isIndexOnly =
          plan.lostPacks.isEmpty && plan.returnedPacks.isEmpty && plan.lostLists.isEmpty
        bodies.append(
          .repack(.init(additions: additions, reason: isIndexOnly ? .index : .repair)))
      }
      if !lost.isEmpty { bodies.append(.lost(.init(objects: lost))) }
      if !wrong.isEmpty { bodies.append(.condemn(.init(objects: wrong))) }
      return bodies
    }
    return report
  }

  /// Writes segments for the packs that no right one lists, from their trailers.
  private func writeSegments(_ survey: StorageSurvey, to store: ChunkStore) throws {
    let block = try DecodedBlock()
    var rows = IndexSegmentBuilder()
    for pack in survey.unlistedPacks {
      try cancellation.check()
      let (type, trailer) = try survey.trailer(of: pack, block)
      if rows.packCount > 0, rows.rowCount + trailer.slots.count > ChunkStore.rowLimit {
        try store.write(segment: rows)
        rows = IndexSegmentBuilder()
      }
      rows.add(IndexPack(name: pack, size: survey.sizes[pack] ?? 0, type: type), trailer)
    }
    if rows.packCount > 0 { try store.write(segment: rows) }
  }
}
