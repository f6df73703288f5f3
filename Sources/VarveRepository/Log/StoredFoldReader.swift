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
    let commits, snapshots, forgotten, listed, inventories, authors, checks: Int

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
      listed = try next()
      inventories = try next()
      authors = try next()
      checks = try next()
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
    guard
      let snapshots = SnapshotTable(
        rows: try array(counts.snapshots, snapshotLength, &reader, snapshot))
    else { return nil }
    state.snapshots = snapshots
    state.forgotten.reserveCapacity(counts.forgotten)
    let forgotten = try array(counts.forgotten, 40, &reader) { (Digest(loading: $0), word($0, 32)) }
    for (id, entry) in forgotten { state.forgotten[id] = entry }
    state.listedObjects = ListedObjects(
      try array(counts.listed, 40, &reader) {
        let size = word($0, 32)
        return ListedObjects.Item(
          digest: Digest(loading: $0), size: size & ~indexSegment,
          isIndexSegment: size & indexSegment != 0)
      })
    state.inventories = try array(counts.inventories, Digest.byteCount, &reader) {
      Digest(loading: $0)
    }
    for _ in 0..<counts.authors {
      let author = try author(&reader)
      state.authors[author.keyID] = author
    }
    for _ in 0..<counts.checks { state.checks.append(try check(&reader)) }
    try reader.requireEnd()
    return LogFold(
      config: config, configDigest: configDigest, tree: tree, state: state, commitStarts: starts,
      copyByteCount: copyByteCount)
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

  private static func snapshot(_ base: UnsafeRawPointer) -> LogState.Snapshot {
    let flags = word(base, 64)
    return LogState.Snapshot(
      id: Digest(loading: base), entry: word(base, 32),
      author: KeyID(words: word(base, 40), word(base, 48)),
      time: Timestamp(seconds: Int64(bitPattern: word(base, 56))),
      parent: flags & hasParent == 0 ? nil : Digest(loading: base + 72),
      original: flags & hasOriginal == 0 ? nil : Digest(loading: base + 104))
  }

  private static func author(_ reader: inout ByteReader) throws -> LogState.Author {
    let keyID = KeyID(words: try reader.u64(), try reader.u64())
    let publicKey = Array(try reader.slice(32))
    let role = Int(try reader.u8())
    let flags = try reader.u8()
    guard Role.allCases.indices.contains(role) else { throw reader.fail("no such role") }
    let added = try reader.u64()
    let credential = try reader.digest()
    let removed = try reader.u64()
    let newest = try reader.u64()
    return LogState.Author(
      keyID: keyID, publicKey: publicKey, role: Role.allCases[role],
      credential: flags & hasCredential == 0 ? nil : credential, added: added,
      removed: flags & isRemoved == 0 ? nil : removed,
      newestEntry: flags & hasNewest == 0 ? nil : newest)
  }

  private static func check(_ reader: inout ByteReader) throws -> LogState.Check {
    let entry = try reader.u64()
    let author = KeyID(words: try reader.u64(), try reader.u64())
    let time = Timestamp(seconds: Int64(bitPattern: try reader.u64()))
    let started = Timestamp(seconds: Int64(bitPattern: try reader.u64()))
    let isDamaged = try reader.u8() == 1
    let limit = LogEntry.largestByteCount
    func name() throws -> String {
      String(decoding: try reader.lengthPrefixed(limit: limit), as: UTF8.self)
    }
    let scope = try name()
    var counts: [String: Int64] = [:]
    for _ in 0..<(try reader.count(limit: limit)) { counts[try name()] = try reader.svarint() }
    var damaged: [String] = []
    for _ in 0..<(try reader.count(limit: limit)) { damaged.append(try name()) }
    return LogState.Check(
      entry: entry, author: author, time: time,
      result: LogStatement.CheckResult(
        isDamaged: isDamaged, scope: scope, counts: counts, damaged: damaged, started: started))
  }
}
