internal import Synchronization
internal import VarveCrypto
public import VarveFormat
internal import VarveStorage

extension UnlockedRepository {
  /// Reads and opens a snapshot record.
  ///
  /// - Throws: `.missing`, `.damaged`; `.forbidden` for a role that cannot read content.
  public func snapshotRecord(_ id: Digest) throws -> SnapshotRecord {
    let name = ObjectName.snapshot(id)
    let bytes = try metadata.read(name)
    guard SHA256.digest(bytes) == id else {
      throw VarveError(.damaged, "\(name) is damaged: its bytes do not have that digest")
    }
    do {
      let object = try bytes.withUnsafeBytes { try SnapshotObject(decoding: $0) }
      let record = try HPKE.open(
        privateKey: try keys.dataKey(), encapsulation: object.encapsulation,
        info: Self.recordInfo(config.id), aad: SnapshotObject.associatedData,
        ciphertext: object.sealed)
      return try SnapshotRecord(decoding: record.withUnsafeBytes { Array($0) })
    } catch let error as VarveError where error.code == .damaged {
      throw VarveError(.damaged, "\(name) is damaged", cause: error)
    } catch let error as VarveError where error.code == .unsupportedFormat {
      throw VarveError.unknownFormat(of: name, error)
    }
  }

  /// The headings of snapshots, in the order of `ids`; records that this client has opened before are not
  /// opened again.
  ///
  /// - Throws: as `snapshotRecord`.
  public func snapshotHeadings(_ ids: [Digest]) throws -> [SnapshotHeading] {
    try eachSnapshotHeading(ids).map { try $0.get() }
  }

  /// The same, where a record that cannot be read has its error in the place of its heading.
  ///
  /// - Throws: what is of no one record: `.forbidden`, `.unavailable`, `.interrupted`.
  public func eachSnapshotHeading(
    _ ids: [Digest]
  ) throws -> [Result<SnapshotHeading, VarveError>] {
    guard let directory = cacheDirectory else { return try ids.map(readHeading) }
    var cache = HeadingCache(directory: directory)
    var new: [(Digest, SnapshotHeading)] = []
    defer { if !new.isEmpty { cache.add(new, live: log.state.snapshotsInOrder.map(\.id)) } }
    try prefetch(ids.filter { cache.headings[$0] == nil }.map(ObjectName.snapshot))
    return try ids.map { id in
      if let known = cache.headings[id] { return .success(known) }
      let heading = try readHeading(id)
      if case .success(let heading) = heading { new.append((id, heading)) }
      return heading
    }
  }

  private func readHeading(_ id: Digest) throws -> Result<SnapshotHeading, VarveError> {
    do {
      return .success(SnapshotHeading(try snapshotRecord(id)))
    } catch let error as VarveError where error.isOfObject {
      return .failure(error)
    }
  }

  /// Does something that waits for storage, and meanwhile fetches the newest snapshot records whose headings this client
  /// has not seen, where the storage is far away.
  func whileFetchingSnapshots<Result: Sendable>(
    _ isWanted: Bool, _ body: @escaping @Sendable () throws -> Result
  ) throws -> Result {
    guard isWanted, storage.transfersAtOnce > 1, role == .owner || role == .reader,
      let directory = cacheDirectory
    else { return try body() }
    let result = Mutex<Result?>(nil)
    try WorkerThreads.run(count: 2) { [self] number in
      guard number == 1 else { return try result.withLock { $0 = try body() } }
      let known = HeadingCache(directory: directory).headings
      let newest = log.state.snapshotsInOrder.suffix(storage.transfersAtOnce).map(\.id)
      try? prefetch(newest.filter { known[$0] == nil }.map(ObjectName.snapshot))
    }
    guard let result = result.withLock({ $0 }) else {
      throw VarveError(.io, "a thread did not come to its end")
    }
    return result
  }

  /// Fetches what will be read one after another, several at a time, where the storage is far away.
  package func prefetch(_ names: [String]) throws {
    try (metadata as? MetadataCache)?.prefetch(names)
  }

  /// Seals a record: the object's bytes, whose digest is the snapshot's id.
  package func seal(_ record: SnapshotRecord) throws -> [UInt8] {
    let bytes = try record.encode()
    let sealed = try bytes.withUnsafeBytes {
      try HPKE.seal(
        to: config.dataKey, info: Self.recordInfo(config.id),
        aad: SnapshotObject.associatedData, plaintext: $0)
    }
    return SnapshotObject(encapsulation: sealed.encapsulation, sealed: sealed.ciphertext).encode()
  }

  private static func recordInfo(_ repository: Digest) -> [UInt8] {
    Array("varve v1 snapshot".utf8) + [0] + repository.bytes
  }
}
