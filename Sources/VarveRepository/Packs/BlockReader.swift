internal import VarveFormat
package import VarveStorage

/// Reads and opens single blocks. One per thread.
package final class BlockReader {
  private let storage: any StorageBackend
  private let trees: any StorageBackend
  private let keyring: PackKeyring
  private var ciphers: [Digest: BlockCipher] = [:]

  /// - Parameter trees: where tree packs are read, if not where the others are.
  package init(
    storage: any StorageBackend, trees: (any StorageBackend)? = nil, keyring: PackKeyring
  ) {
    self.storage = storage
    self.trees = trees ?? storage
    self.keyring = keyring
  }

  /// Reads the block at `location` and decodes it into `block`.
  ///
  /// The caller who knows a chunk's id compares its address.
  /// - Throws: `.damaged` or `.missing`, naming the pack.
  package func read(_ location: ChunkLocation, into block: DecodedBlock) throws {
    let length = Int(location.storedLength)
    let decoder = block.decoder
    decoder.sealed = try decoder.sealed.fitted(to: length, usually: BlockDecoder.usualLength)
    let sealed = UnsafeMutableRawBufferPointer(start: decoder.sealed.base, count: length)
    try (location.type == .tree ? trees : storage).read(
      ObjectName.pack(location.pack), offset: UInt64(location.offset), into: sealed)
    try open(UnsafeRawBufferPointer(sealed), at: location, into: block)
  }

  /// Decodes a block whose sealed bytes are at hand, as after one read of several neighbours.
  package func open(
    _ sealed: UnsafeRawBufferPointer, at location: ChunkLocation, into block: DecodedBlock
  ) throws {
    do {
      let cipher = try cipher(pack: location.pack, type: location.type)
      try block.decode(sealed, ordinal: UInt32(location.block), cipher: cipher)
    } catch let error as VarveError where error.code == .damaged {
      throw VarveError(
        .damaged, "\(ObjectName.pack(location.pack)) is damaged in block \(location.block)",
        hint: "run 'varve check --read-data' to see every object and file that is affected",
        cause: error)
    }
  }

  /// Reads the header of the pack ahead of its blocks; what is wrong with it is said when one of them is read.
  package func prepare(_ location: ChunkLocation) {
    _ = try? cipher(pack: location.pack, type: location.type)
  }

  private func cipher(pack: Digest, type: PackType) throws -> BlockCipher {
    if let cipher = ciphers[pack] { return cipher }
    let cipher = try keyring.cipher(pack: pack, type: type)
    if ciphers.count >= 64 { ciphers.removeAll(keepingCapacity: true) }
    ciphers[pack] = cipher
    return cipher
  }
}
