import VarveCrypto
package import VarveFormat
import VarveProof

extension StoredFold {
  /// The fold in the file's bytes (format: StoredFold.swift).
  ///
  /// - Returns: nil unless it is intact and of this repository. O(entries).
  package static func decode(
    _ bytes: [UInt8], config: RepositoryConfig, configDigest: Digest
  ) -> LogFold? {
    bytes.withUnsafeBytes { bytes in
      guard bytes.count > Digest.byteCount else { return nil }
      let covered = UnsafeRawBufferPointer(rebasing: bytes.dropLast(Digest.byteCount))
      guard let base = bytes.baseAddress,
        SHA256.digest(covered) == Digest(loading: base + covered.count)
      else { return nil }
      guard let fold = try? decode(covered, config, configDigest), fold.state.isPlausible else {
        return nil
      }
      return fold
    }
  }

  private struct Counts {
    let commits, snapshots, forgotten, tags, listed, inventories, authors, checks: Int
    let holds, policies, condemnations, losses, repacks, receipts, proposals, attestations: Int

    init(_ reader: inout ByteReader) throws {
      // Each takes at least a byte of the file, so no count that is out of bounds is ever believed.
      func next() throws -> Int {
        let count = try reader.u64()
        guard count <= UInt64(reader.bytes.count) else { throw reader.fail("a count is too large") }
        return Int(count)
      }
      commits = try next()
      snapshots = try next()
      forgotten = try next()
      tags = try next()
      listed = try next()
      inventories = try next()
      authors = try next()
      checks = try next()
      holds = try next()
      policies = try next()
      condemnations = try next()
      losses = try next()
      repacks = try next()
      receipts = try next()
      proposals = try next()
      attestations = try next()
    }
  }

  private static func decode(
    _ bytes: UnsafeRawBufferPointer, _ config: RepositoryConfig, _ configDigest: Digest
  ) throws -> LogFold? {
    var reader = ByteReader(bytes, "stored log state")
    guard try reader.slice(magic.count).elementsEqual(magic), try reader.u32() == version,
      try reader.u32() == 0, try reader.digest() == configDigest
    else { return nil }
    let head = TreeHead(size: try reader.u64(), root: try reader.digest())
    let copyByteCount = try reader.u64()
    let counts = try Counts(&reader)
    guard head.size <= UInt64(bytes.count),
      let tree = MerkleTree(levels: try levels(size: Int(head.size), &reader)), tree.head == head
    else { return nil }
    let starts = try array(counts.commits, 8, &reader) { word($0, 0) }
    guard starts.first == 0, zip(starts, starts.dropFirst()).allSatisfy({ $0 < $1 }),
      let last = starts.last, last < head.size
    else { return nil }

    var state = LogState(config: config, configDigest: configDigest)
    state.size = head.size
    var tags = TagRows(
      try array(counts.tags, Digest.byteCount, &reader) { Digest(loading: $0) })
    let rows = try array(counts.snapshots, snapshotLength, &reader) { try snapshot($0, &tags) }
    guard let snapshots = SnapshotTable(rows: rows) else { return nil }
    state.snapshots = snapshots
    state.forgotten.reserveCapacity(counts.forgotten)
    let forgotten = try array(counts.forgotten, snapshotLength + originLength, &reader) {
      let origin = origin($0 + snapshotLength)
      return LogState.Forgotten(
        snapshot: try snapshot($0, &tags), entry: origin.entry, author: origin.author,
        time: origin.time)
    }
    for row in forgotten { state.forgotten[row.snapshot.id] = row }
    guard tags.isAtEnd else { return nil }
    state.listedObjects = ListedObjects(
      try array(counts.listed, 48, &reader) {
        ListedObjects.Item(
          digest: Digest(loading: $0), sizeAndKind: word($0, 32), entry: word($0, 40))
      })
    state.addedInventories = try array(counts.inventories, 40, &reader) {
      LogState.AddedInventory(digest: Digest(loading: $0), entry: word($0, 32))
    }
    try readRows(counts, into: &state, &reader)
    let newest = try reader.u64()
    state.newestCondemnation = newest == 0 ? nil : newest - 1
    state.threshold = try reader.u64()
    guard state.threshold >= 1 else { throw reader.fail("no owner would have to agree") }
    try reader.requireEnd()
    return LogFold(
      config: config, configDigest: configDigest, tree: tree, state: state, commitStarts: starts,
      copyByteCount: copyByteCount)
  }

  private static func readRows(
    _ counts: Counts, into state: inout LogState, _ reader: inout ByteReader
  ) throws {
    for _ in 0..<counts.authors {
      let author = try LogState.Author(&reader)
      state.authors[author.keyID] = author
    }
    for _ in 0..<counts.checks { state.checks.append(try LogState.Check(&reader)) }
    for _ in 0..<counts.holds {
      state.holds[try reader.digest()] = try LogState.Hold(&reader)
    }
    for _ in 0..<counts.policies {
      if try reader.u8() == 0 {
        state.defaultPolicy = try LogState.Policy(&reader)
      } else {
        state.policies[try reader.digest()] = try LogState.Policy(&reader)
      }
    }
    for _ in 0..<counts.condemnations {
      let condemnation = try LogState.Condemnation(&reader)
      state.condemnations[condemnation.entry] = condemnation
      if case .rescinded = condemnation.status { continue }
      state.count(condemnation, 1)
    }
    for _ in 0..<counts.losses { state.losses.append(try LogState.Loss(&reader)) }
    for _ in 0..<counts.repacks { state.repacks.append(try LogState.Repack(&reader)) }
    for _ in 0..<counts.receipts { state.receipts.append(try LogState.Receipt(&reader)) }
    for _ in 0..<counts.proposals {
      let proposal = try LogState.Proposal(&reader)
      state.proposals[proposal.entry] = proposal
    }
    for _ in 0..<counts.attestations {
      state.attestations.append(try LogState.Attestation(&reader))
    }
  }

  private static func levels(size: Int, _ reader: inout ByteReader) throws -> [[Digest]] {
    var levels: [[Digest]] = []
    var count = size
    while count > 0 {
      levels.append(try array(count, Digest.byteCount, &reader) { Digest(loading: $0) })
      count /= 2
    }
    return levels
  }

  /// `count` items of `length` bytes each.
  private static func array<T>(
    _ count: Int, _ length: Int, _ reader: inout ByteReader, _ item: (UnsafeRawPointer) throws -> T
  ) throws -> [T] {
    let (size, overflow) = count.multipliedReportingOverflow(by: length)
    guard !overflow else { throw reader.fail("a count is too large") }
    guard let base = try reader.slice(size).baseAddress else { return [] }
    return try [T](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        buffer.initializeElement(at: filled, to: try item(base + filled * length))
        filled += 1
      }
    }
  }

  private static func word(_ base: UnsafeRawPointer, _ offset: Int) -> UInt64 {
    UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  private static func origin(
    _ base: UnsafeRawPointer
  ) -> (entry: UInt64, author: KeyID, time: Timestamp) {
    (
      word(base, 0), KeyID(words: word(base, 8), word(base, 16)),
      Timestamp(seconds: Int64(bitPattern: word(base, 24)))
    )
  }

  private static func snapshot(
    _ base: UnsafeRawPointer, _ tags: inout TagRows
  ) throws -> LogState.Snapshot {
    let origin = origin(base + 32)
    let flags = UInt32(truncatingIfNeeded: word(base, 64))
    func digest(_ flag: UInt32, _ offset: Int) -> Digest? {
      flags & flag == 0 ? nil : Digest(loading: base + offset)
    }
    return LogState.Snapshot(
      id: Digest(loading: base), entry: origin.entry, author: origin.author, time: origin.time,
      parent: digest(hasParent, 72), original: digest(hasOriginal, 104),
      source: digest(hasSource, 136), tags: try tags.next(Int(word(base, 64) >> 32)),
      isPartial: flags & isPartial != 0)
  }

  /// The tags of the snapshots, one after another; those that equal the ones before share their memory.
  private struct TagRows {
    private let tags: [Digest]
    private var offset = 0
    private var last: [Digest] = []

    init(_ tags: [Digest]) { self.tags = tags }

    var isAtEnd: Bool { offset == tags.count }

    mutating func next(_ count: Int) throws -> [Digest] {
      guard count > 0 else { return [] }
      guard count <= tags.count - offset else {
        throw VarveError(.damaged, "stored log state is damaged: it has too few tags")
      }
      let next = tags[offset..<offset + count]
      offset += count
      if !next.elementsEqual(last) { last = Array(next) }
      return last
    }
  }
}
