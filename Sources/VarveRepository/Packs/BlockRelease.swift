internal import VarveCrypto
package import VarveFormat
package import VarveProof

/// Finds for chunks of a file where they lie and what opens their blocks, so that it can be given to somebody who has no
/// key (docs/format.md, section 15.1). One thread at a time.
///
/// Every block is read and every chunk verified: what is given away is known to be right. Memory is that of one block.
package final class BlockRelease {
  /// What has been released so far.
  package private(set) var content = ReleasedContent(blocks: [], chunks: [], holes: [])
  /// Chunks in those blocks that are none of the file's.
  package private(set) var foreignChunks = 0

  private struct Key: Hashable {
    let pack: Digest
    let block: UInt16
  }

  private let repository: IndexedRepository
  private let reader: BlockReader
  private let keyring: PackKeyring
  private let decoded: DecodedBlock
  private let wanted: Set<Digest>
  private var numbers: [Key: Int] = [:]
  private var current: Key?

  /// - Parameter wanted: the addresses of all chunks of the file.
  /// - Throws: `.forbidden` for a role that cannot read content.
  package init(_ repository: IndexedRepository, wanted: Set<Digest>) throws {
    self.repository = repository
    self.wanted = wanted
    reader = try repository.makeBlockReader()
    keyring = try repository.requireKeyring()
    decoded = try DecodedBlock()
  }

  /// Releases the next chunk of the file.
  ///
  /// - Throws: `.missing` and `.damaged`; `.refused` for a pack whose blocks have one key.
  package func add(_ chunk: ChunkReference) throws {
    guard let location = repository.index.locate(chunk.address) else {
      throw VarveError(.missing, "no index knows chunk \(chunk.address)")
    }
    let key = Key(pack: location.pack, block: location.block)
    if current != key {
      try reader.read(location, into: decoded)
      current = key
    }
    let slot = try decoded.slot(Int(location.slot))
    guard slot.count == Int(chunk.length), SHA256.digest(slot) == chunk.address,
      let start = slot.baseAddress, let payload = decoded.wholePayload.baseAddress
    else {
      throw VarveError(
        .damaged,
        "\(ObjectName.pack(location.pack)) has another chunk where the index says \(chunk.address) is"
      )
    }
    content.chunks.append(
      ReleasedContent.Chunk(
        block: try number(of: key, at: location), offset: UInt32(start - payload),
        length: chunk.length, digest: chunk.address))
  }

  package func setHoles(_ holes: [Hole]) { content.holes = holes }

  /// The block's number, which it gets when it is met first.
  private func number(of key: Key, at location: ChunkLocation) throws -> Int {
    if let known = numbers[key] { return known }
    guard let keys = try keyring.blockKeys(pack: location.pack, type: location.type) else {
      throw VarveError(
        .refused,
        "all blocks of \(ObjectName.pack(location.pack)) have one key, which would open other files",
        hint:
          "it was made by an older version; copy the snapshot into a new repository with 'varve copy'"
      )
    }
    for slot in 0..<decoded.slotCount where !wanted.contains(SHA256.digest(try decoded.slot(slot)))
    {
      foreignChunks += 1
    }
    let ordinal = UInt32(location.block)
    content.blocks.append(
      ReleasedContent.Block(
        pack: location.pack, ordinal: ordinal, offset: location.offset,
        length: location.storedLength, key: keys.withKey(ordinal) { Array($0) }))
    numbers[key] = content.blocks.count - 1
    return content.blocks.count - 1
  }
}
