public import VarveFormat
public import VarveRepository

/// The live snapshots that a search goes through.
public protocol SnapshotCatalogue {
  /// In the order of the log, oldest first.
  var liveSnapshots: [Digest] { get }

  /// - Throws: `.missing`, `.damaged`; `.forbidden` for a role that cannot read records.
  func snapshotRecord(_ id: Digest) throws -> SnapshotRecord

  /// What those snapshots are looked for by, in the order of `ids`; the error where a record cannot be read.
  ///
  /// - Throws: what is of no one record, as `.forbidden`.
  func eachSnapshotHeading(_ ids: [Digest]) throws -> [Result<SnapshotHeading, VarveError>]

  /// What the log says of a live snapshot whose record cannot be read.
  ///
  /// - Throws: what reading entries throws.
  func unreadableSnapshot(_ id: Digest, _ error: VarveError) throws -> UnreadableSnapshot

  /// What names sources and tags in the log.
  func opaqueIDs() throws -> OpaqueIDs
}

extension UnlockedRepository: SnapshotCatalogue {
  public var liveSnapshots: [Digest] { log.state.snapshotsInOrder.map(\.id) }

  public func opaqueIDs() throws -> OpaqueIDs { try keys.opaqueIDs() }

  public func unreadableSnapshot(
    _ id: Digest, _ error: VarveError
  ) throws -> UnreadableSnapshot {
    guard let row = log.state.snapshots[id] else { throw error }
    var taken: Timestamp?
    try log.forEachEntry(in: row.entry..<row.entry + 1) { entry in
      if case .snapshot(let addition) = entry.statement.body { taken = addition.taken }
    }
    return UnreadableSnapshot(
      id: id, error: error, logged: row.time, taken: taken, isPartial: row.isPartial,
      source: row.source, tags: row.tags)
  }
}

/// A live snapshot whose record is damaged or missing: what the log says of it.
public struct UnreadableSnapshot: Sendable {
  public let id: Digest
  /// Why it cannot be read.
  public let error: VarveError
  /// When its entry was signed, by its author's clock.
  public let logged: Timestamp
  /// The time that it claims; nil where its entry does not say.
  public let taken: Timestamp?
  public let isPartial: Bool
  /// The opaque id of its host and paths; nil where its entry does not say, nor then what tags it has.
  public let source: Digest?
  /// The opaque ids of its tags.
  public let tags: [Digest]

  public init(
    id: Digest, error: VarveError, logged: Timestamp, taken: Timestamp?, isPartial: Bool,
    source: Digest?, tags: [Digest]
  ) {
    self.id = id
    self.error = error
    self.logged = logged
    self.taken = taken
    self.isPartial = isPartial
    self.source = source
    self.tags = tags
  }

  /// The time claimed; where that is not known, one that it is not after unless its author says so: that of its entry.
  public var time: Timestamp { taken ?? logged }
}
