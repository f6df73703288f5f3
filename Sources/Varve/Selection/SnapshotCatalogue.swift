public import VarveFormat
public import VarveRepository

/// The live snapshots that a search goes through.
public protocol SnapshotCatalogue {
  /// In the order of the log, oldest first.
  var liveSnapshots: [Digest] { get }

  /// - Throws: `.missing`, `.damaged`; `.forbidden` for a role that cannot read records.
  func snapshotRecord(_ id: Digest) throws -> SnapshotRecord

  /// What those snapshots are looked for by, in the order of `ids`.
  ///
  /// - Throws: as `snapshotRecord`.
  func snapshotHeadings(_ ids: [Digest]) throws -> [SnapshotHeading]
}

extension UnlockedRepository: SnapshotCatalogue {
  public var liveSnapshots: [Digest] { log.state.snapshotsInOrder.map(\.id) }
}

/// A snapshot that was looked for.
public struct ChosenSnapshot: Sendable {
  public let id: Digest
  public let record: SnapshotRecord
  /// The place in it that the selector names.
  public let path: SnapshotPath
}

/// Finds snapshots by selectors and filters. Records are opened only where the answer depends on them:
/// for an id or `latest`, one; for `all`, those that the filter lets through. Choosing takes the headings of all.
public struct SnapshotSearch {
  private let catalogue: any SnapshotCatalogue
  private let filter: SnapshotFilter

  /// - Parameter filter: narrows `latest` and `all`; a snapshot named by its id need not match.
  public init(_ catalogue: any SnapshotCatalogue, filter: SnapshotFilter = SnapshotFilter()) {
    self.catalogue = catalogue
    self.filter = filter
  }

  /// The id that a selector names. For an id, no record is opened.
  ///
  /// - Throws: `.notFound` when there is none, or when several ids begin so; as the catalogue.
  public func id(of selector: SnapshotSelector) throws -> Digest {
    switch selector.name {
    case .id(let prefix): try id(beginningWith: prefix)
    case .latest: try find(selector).id
    }
  }

  /// The snapshot that a selector names.
  ///
  /// - Throws: `.notFound` when there is none, or when several ids begin so; as the catalogue.
  public func find(_ selector: SnapshotSelector) throws -> ChosenSnapshot {
    guard case .latest(let back) = selector.name else {
      let id = try id(of: selector)
      return ChosenSnapshot(
        id: id, record: try catalogue.snapshotRecord(id), path: selector.path)
    }
    let complete = try headings().filter { !$0.heading.isPartial }
    guard back < complete.count else {
      let which = filter.isEmpty ? "" : " that matches the host, tags and paths given"
      let count = complete.count == 1 ? "there is one" : "there are \(complete.count)"
      throw VarveError(
        .notFound,
        complete.isEmpty
          ? "there is no complete snapshot\(which)"
          : "there is no snapshot \(selector)\(which): \(count)",
        hint: "list them with 'varve snapshots'")
    }
    let found = complete[complete.count - 1 - back]
    return ChosenSnapshot(
      id: found.id, record: try catalogue.snapshotRecord(found.id), path: selector.path)
  }

  /// What the selectors name, in that order and each snapshot and path once; without selectors, all that
  /// the filter lets through.
  ///
  /// - Throws: as `find`.
  public func find(_ selectors: [SnapshotSelector]) throws -> [ChosenSnapshot] {
    guard !selectors.isEmpty else { return try all() }
    struct Key: Hashable {
      let id: Digest
      let path: SnapshotPath
    }
    var seen: Set<Key> = []
    return try selectors.map { try find($0) }.filter {
      seen.insert(Key(id: $0.id, path: $0.path)).inserted
    }
  }

  /// All snapshots that the filter lets through, by the time recorded, oldest first; of equal times, in
  /// the order of the log.
  ///
  /// - Throws: as the catalogue.
  public func all() throws -> [ChosenSnapshot] {
    if filter.isEmpty {
      return sorted(
        try catalogue.liveSnapshots.map {
          ChosenSnapshot(id: $0, record: try catalogue.snapshotRecord($0), path: .root)
        }, by: \.record.time)
    }
    return try headings().map {
      ChosenSnapshot(id: $0.id, record: try catalogue.snapshotRecord($0.id), path: .root)
    }
  }

  /// The headings that the filter lets through, in the order of `all`.
  private func headings() throws -> [(id: Digest, heading: SnapshotHeading)] {
    let ids = catalogue.liveSnapshots
    let all = zip(ids, try catalogue.snapshotHeadings(ids)).filter { filter.matches($0.1) }
    return sorted(all.map { (id: $0.0, heading: $0.1) }, by: \.heading.time)
  }

  private func sorted<T>(_ items: [T], by time: (T) -> Timestamp) -> [T] {
    items.enumerated().sorted { (time($0.element), $0.offset) < (time($1.element), $1.offset) }
      .map(\.element)
  }

  private func id(beginningWith prefix: String) throws -> Digest {
    let wanted = try HexPrefixes([prefix])
    let matches = catalogue.liveSnapshots.filter(wanted.contains)
    guard let id = matches.first else {
      throw VarveError(
        .notFound, "there is no snapshot \(prefix)", hint: "list them with 'varve snapshots'")
    }
    guard matches.count == 1 else {
      let ids = matches.prefix(5).map { String($0.hex.prefix(max(12, prefix.utf8.count + 2))) }
      throw VarveError(
        .notFound, "\(prefix) begins the ids of \(matches.count) snapshots",
        hint: "give more digits: \(ids.joined(separator: ", "))\(matches.count > 5 ? ", …" : "")")
    }
    return id
  }
}
