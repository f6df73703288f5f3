public import VarveFormat
import VarveRepository

/// A snapshot that was looked for.
public struct ChosenSnapshot: Sendable {
  public let id: Digest
  public let record: SnapshotRecord
  /// The place in it that the selector names.
  public let path: SnapshotPath
}

/// Snapshots that were chosen as wholes.
public struct SnapshotChoice: Sendable {
  /// Those that can be read.
  public let snapshots: [ChosenSnapshot]
  /// Those that cannot be read, and were named or may be among those that are meant.
  public let unreadable: [UnreadableSnapshot]
}

/// Finds snapshots by selectors and filters. Records are opened only where the answer depends on them:
/// for an id or `latest`, one; for `choose`, those that the filter lets through. Choosing takes the headings of all.
///
/// One record that cannot be read does not hide the others: the log says when it was made, and of which source.
public struct SnapshotSearch {
  private let catalogue: any SnapshotCatalogue
  private let filter: SnapshotFilter
  private let passingOver: (UnreadableSnapshot) -> Void

  /// - Parameters:
  ///   - filter: narrows `latest` and choices without selectors; a snapshot named by its id need not match.
  ///   - passingOver: told of each that cannot be read and was passed over to find `latest`.
  public init(
    _ catalogue: any SnapshotCatalogue, filter: SnapshotFilter = SnapshotFilter(),
    passingOver: @escaping (UnreadableSnapshot) -> Void = { _ in }
  ) {
    self.catalogue = catalogue
    self.filter = filter
    self.passingOver = passingOver
  }

  // MARK: One

  /// The snapshot that a selector names.
  ///
  /// - Throws: `.notFound` when there is none, or when several ids begin so; `.damaged` or `.missing` when its record
  ///   cannot be read, or that of one that may be the latest; as the catalogue.
  public func find(_ selector: SnapshotSelector) throws -> ChosenSnapshot {
    let id = try id(named: selector)
    return ChosenSnapshot(
      id: id, record: try catalogue.snapshotRecord(id), path: selector.path)
  }

  /// The id of the snapshot that a selector names as a whole. For an id, no record is opened.
  ///
  /// - Throws: `.usage` for a selector with a path; as `find`.
  public func id(of selector: SnapshotSelector) throws -> Digest {
    guard selector.path.isRoot else {
      throw VarveError(
        .usage, "\(selector) is a part of a snapshot, and this is about whole ones",
        hint: "leave out the colon and what is behind it")
    }
    return try id(named: selector)
  }

  private func id(named selector: SnapshotSelector) throws -> Digest {
    switch selector.name {
    case .id(let prefix): try id(beginningWith: prefix)
    case .latest(let back): try id(ofLatest: back, selector)
    }
  }

  // MARK: Several

  /// The ids of what the selectors name, in that order and each once; without selectors, of all that the filter lets
  /// through or that cannot be read and may be meant: by time, oldest first; of equal times, in the order of the log.
  ///
  /// - Throws: as `id(of:)`.
  public func ids(of selectors: [SnapshotSelector]) throws -> [Digest] {
    guard selectors.isEmpty else { return try selectors.map(id(of:)).withoutRepeats() }
    let (known, unreadable) = try headings()
    let times = known.map { ($0.id, $0.heading.time) } + unreadable.map { ($0.id, $0.time) }
    let order = Dictionary(
      uniqueKeysWithValues: catalogue.liveSnapshots.enumerated().map { ($1, $0) })
    return times.sorted { ($0.1, order[$0.0] ?? 0) < ($1.1, order[$1.0] ?? 0) }.map(\.0)
  }

  /// What `ids` finds, with their records.
  ///
  /// - Throws: as `id(of:)`.
  public func choose(_ selectors: [SnapshotSelector]) throws -> SnapshotChoice {
    let isAll = selectors.isEmpty && filter.isEmpty
    let ids = isAll ? catalogue.liveSnapshots : try ids(of: selectors)
    var found: [ChosenSnapshot] = []
    var unreadable: [UnreadableSnapshot] = []
    for id in ids {
      do {
        found.append(
          ChosenSnapshot(id: id, record: try catalogue.snapshotRecord(id), path: .root))
      } catch let error as VarveError where error.isOfObject {
        unreadable.append(try catalogue.unreadableSnapshot(id, error))
      }
    }
    return SnapshotChoice(
      snapshots: isAll ? sorted(found, by: \.record.time) : found, unreadable: unreadable)
  }

  // MARK: The latest

  private func id(ofLatest back: Int, _ selector: SnapshotSelector) throws -> Digest {
    let (known, lost) = try headings()
    let complete = known.filter { !$0.heading.isPartial }
    let unreadable = lost.filter { !$0.isPartial }
    guard back < complete.count else {
      if let last = unreadable.last { throw mayBeMeant(last, selector) }
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
    // The log knows seconds.
    if let newer = unreadable.last(where: { $0.time.seconds >= found.heading.time.seconds }) {
      throw mayBeMeant(newer, selector)
    }
    unreadable.forEach(passingOver)
    return found.id
  }

  private func mayBeMeant(
    _ snapshot: UnreadableSnapshot, _ selector: SnapshotSelector
  ) -> VarveError {
    VarveError(
      snapshot.error.code,
      "the snapshot \(snapshot.id.hex.prefix(8)) cannot be read, and may be \(selector)",
      hint:
        "name another one by its id ('varve snapshots' lists them), or narrow the choice by host, tags or paths",
      cause: snapshot.error)
  }

  // MARK: Headings

  private typealias Heading = (id: Digest, heading: SnapshotHeading)

  /// The headings that the filter lets through, by time, and what cannot be read and may be meant, in the order of the log.
  private func headings() throws -> (known: [Heading], unreadable: [UnreadableSnapshot]) {
    let ids = catalogue.liveSnapshots
    var known: [Heading] = []
    var unreadable: [UnreadableSnapshot] = []
    for (id, heading) in zip(ids, try catalogue.eachSnapshotHeading(ids)) {
      switch heading {
      case .success(let heading): known.append((id, heading))
      case .failure(let error): unreadable.append(try catalogue.unreadableSnapshot(id, error))
      }
    }
    if !unreadable.isEmpty && !filter.isEmpty {
      let opaque = try catalogue.opaqueIDs()
      let sources = Dictionary(
        Set(known.map { SnapshotSource($0.heading) }).map { ($0.id(opaque), $0) }
      ) { first, _ in first }
      unreadable = unreadable.filter { filter.mayMatch($0, opaque, sources) }
    }
    return (
      sorted(known.filter { filter.matches($0.heading) }, by: \.heading.time), unreadable
    )
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

extension Array where Element: Hashable {
  /// Each element once, where it first occurs.
  func withoutRepeats() -> [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
