import VarveCrypto
import VarveFormat

/// A run, mapped. Opening verifies all that says where things lie: O(covers + shards).
package final class RunFile: Sendable {
  let mapping: MappedBytes
  /// The file; nil for a run that is in memory only.
  let path: String?
  let header: RunHeader
  let cover: [CoveredSegment]
  let shards: [RunShardRow]

  /// - Throws: `.damaged`, `.unsupportedFormat`.
  package init(_ mapping: MappedBytes, path: String?) throws {
    self.mapping = mapping
    self.path = path
    let bytes = mapping.bytes
    let header = try RunHeader(decoding: bytes)
    self.header = header
    guard header.digest(ofHeadIn: bytes) == header.headDigest else {
      throw VarveError(.damaged, "an index run is damaged: its head")
    }
    var reader = ByteReader(
      UnsafeRawBufferPointer(rebasing: bytes[header.coverOffset..<header.packOffset]), "index run")
    var cover: [CoveredSegment] = []
    cover.reserveCapacity(header.coverCount)
    for _ in 0..<header.coverCount {
      cover.append(CoveredSegment(name: try reader.digest(), rowCount: try reader.u64()))
    }
    self.cover = cover

    reader = ByteReader(
      UnsafeRawBufferPointer(rebasing: bytes[header.shardRowOffset..<header.shardOffset]),
      "index run")
    var shards: [RunShardRow] = []
    shards.reserveCapacity(1 << header.shardBits)
    var end = header.shardOffset
    var rows = 0
    for _ in 0..<1 << header.shardBits {
      let shard = try RunShardRow(decoding: &reader, at: end)
      end += shard.byteCount(fanOutByteCount: header.fanOutByteCount)
      rows += shard.rowCount
      guard end <= bytes.count else { throw reader.fail("a shard is longer than the run") }
      shards.append(shard)
    }
    guard end == bytes.count, rows == header.rowCount else {
      throw reader.fail("its shards are not what it says")
    }
    self.shards = shards
  }

  static func open(path: String) throws -> RunFile {
    try RunFile(MappedBytes.map(path: path), path: path)
  }

  /// - Throws: `.damaged` when pack or block rows have changed. O(packs + blocks).
  func verifyTables() throws {
    let range = header.packOffset..<header.shardRowOffset
    mapping.willRead(range)
    guard
      SHA256.digest(UnsafeRawBufferPointer(rebasing: mapping.bytes[range])) == header.tablesDigest
    else { throw VarveError(.damaged, "an index run is damaged: its packs") }
  }

  /// - Throws: `.damaged` when the shard has changed. O(rows of the shard).
  func verify(shard number: Int) throws {
    let shard = shards[number]
    let end = shard.offset + shard.byteCount(fanOutByteCount: header.fanOutByteCount)
    mapping.willRead(shard.offset..<end)
    guard
      SHA256.digest(UnsafeRawBufferPointer(rebasing: mapping.bytes[shard.offset..<end]))
        == shard.digest
    else { throw VarveError(.damaged, "an index run is damaged: shard \(number)") }
  }

  /// Verifies every byte. O(n).
  ///
  /// - Throws: `.damaged`.
  package func verify() throws {
    try verifyTables()
    for number in shards.indices { try verify(shard: number) }
  }
}
