// What the log says of objects that come and go without a snapshot.

public import VarveFormat

extension LogState {
  /// A condemn entry.
  public struct Condemnation: Sendable, Equatable {
    public enum Status: Hashable, Sendable {
      /// Nobody may refer to its objects; they can still be read.
      case condemned
      /// Of no effect any more.
      case rescinded(by: UInt64)
      /// Its objects are dead.
      case swept(by: UInt64)
    }

    /// The index of the entry.
    public let entry: UInt64
    public let author: KeyID
    /// When it was signed, by the author's clock.
    public let time: Timestamp
    public let objects: ObjectList
    public internal(set) var status: Status
  }

  /// A lost entry: objects that were damaged or missing when it was written.
  public struct Loss: Sendable, Equatable {
    public let entry: UInt64
    public let author: KeyID
    public let time: Timestamp
    public let objects: ObjectList
  }

  /// A repack entry; what it added is in `listedObjects` and `inventories`.
  public struct Repack: Sendable, Equatable {
    public let entry: UInt64
    public let author: KeyID
    public let time: Timestamp
    public let reason: LogStatement.Repack.Reason
  }

  /// Condemn entries that are neither swept nor rescinded, in the order of the log.
  public var openCondemnations: [Condemnation] {
    condemnations.values.filter { $0.status == .condemned }.sorted { $0.entry < $1.entry }
  }

  /// Whether a condemn entry that is not rescinded lists this record itself.
  func isCondemned(record: Digest) -> Bool { condemnedRecords[record] != nil }

  mutating func fold(_ condemnation: Condemnation) {
    condemnations[condemnation.entry] = condemnation
    count(condemnation, 1)
  }

  /// Sweeps or rescinds condemn entries.
  mutating func fold(_ entries: [UInt64], as status: Condemnation.Status) {
    for entry in entries {
      guard let condemnation = condemnations[entry] else { continue }
      condemnations[entry]?.status = status
      switch status {
      case .condemned: break
      case .rescinded: count(condemnation, -1)
      case .swept(let sweep): listedObjects.remove(condemnation.objects.listed, by: sweep)
      }
    }
  }

  /// Keeps `condemnedRecords` what `isCondemned` says.
  mutating func count(_ condemnation: Condemnation, _ change: Int) {
    for record in condemnation.listedRecords {
      let count = condemnedRecords[record, default: 0] + change
      condemnedRecords[record] = count > 0 ? count : nil
    }
  }
}

extension LogState.Condemnation {
  /// The snapshot records that it lists itself.
  var listedRecords: [Digest] {
    objects.listed.compactMap {
      if case .snapshot(let record) = ObjectClass($0.name) { record } else { nil }
    }
  }
}
