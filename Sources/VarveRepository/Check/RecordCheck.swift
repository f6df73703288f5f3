internal import VarveFormat

/// Compares snapshot records with the log entries that name them.
///
/// Whoever has no key believes the entries: audits judge by their `source`, `taken`, `tags` and `tree` what was forgotten,
/// and their authors may write what they like. Only who opens the records sees whether it is so. One entry is read for each
/// record; entries of before, which lack a member, claim nothing by it.
struct RecordCheck: Sendable {
  private let log: Log
  private let state: LogState
  private let ids: OpaqueIDs

  /// - Throws: `.forbidden` for a role without the key that names sources.
  init(_ unlocked: UnlockedRepository) throws {
    log = unlocked.log
    state = unlocked.log.state
    ids = try unlocked.keys.opaqueIDs()
  }

  /// What the entry of a live snapshot says and the record does not; nil when they agree.
  ///
  /// - Throws: `.missing`, `.damaged` and `.io` when the entry cannot be read.
  func contradiction(of snapshot: Digest, _ record: SnapshotRecord) throws -> String? {
    guard let live = state.snapshots[snapshot] else { return nil }
    let entry = try log.entry(live.entry)
    guard case .snapshot(let stated) = entry.statement.body else { return nil }
    let members = contradictions(stated, record)
    guard !members.isEmpty else { return nil }
    return
      "log entry \(live.entry), by \(live.author), states another \(list(members)) than the record: "
      + "find out who made it, and forget it"
  }

  private func contradictions(
    _ stated: LogStatement.SnapshotAddition, _ record: SnapshotRecord
  ) -> [String] {
    var found: [String] = []
    if let tree = stated.tree, tree != record.treeCommitment { found.append("tree") }
    if let source = stated.source {
      if source != ids.source(host: record.host, paths: record.paths) { found.append("source") }
      if stated.tags != Set(record.tags.map(ids.tag)).sorted() { found.append("list of tags") }
    }
    if let taken = stated.taken, taken.zonedSeconds != record.time.zonedSeconds {
      found.append("time")
    }
    if stated.isPartial != record.isPartial { found.append("completeness") }
    return found
  }

  private func list(_ members: [String]) -> String {
    guard members.count > 1, let last = members.last else { return members.joined() }
    return members.dropLast().joined(separator: ", ") + " and " + last
  }
}
