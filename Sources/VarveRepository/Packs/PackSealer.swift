internal import VarveCrypto
internal import VarveFormat

/// What one thread needs to seal and verify blocks: ciphers for the packs it is writing to, and room to decode.
package final class PackSealer {
  private var ciphers: [(pack: OpenPack, cipher: BlockCipher)] = []
  private let decoded: DecodedBlock

  package init() throws { decoded = try DecodedBlock() }

  /// This thread's cipher for `pack`. A thread writes to two packs at a time, so a short list serves.
  func cipher(of pack: OpenPack, repository: Digest) throws -> BlockCipher {
    for known in ciphers where known.pack === pack { return known.cipher }
    ciphers.removeAll { $0.pack.closed }
    let cipher = try BlockCipher(
      contentKey: pack.key, repository: repository, type: pack.type)
    ciphers.append((pack, cipher))
    return cipher
  }

  func forget(_ pack: OpenPack) { ciphers.removeAll { $0.pack === pack } }

  /// Decodes a whole pack in memory and compares every chunk with its address, so that bad memory or
  /// a faulty codec shows before anything depends on the pack.
  ///
  /// - Throws: `.damaged` when a block does not decode to what it was made from.
  func verify(
    _ bytes: UnsafeRawBufferPointer, against contents: PackTrailer, cipher: BlockCipher
  ) throws {
    var offset = PackHeader.byteCount
    for (ordinal, block) in contents.blocks.enumerated() {
      let length = Int(block.storedLength)
      let sealed = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
      do {
        try decoded.decode(sealed, ordinal: UInt32(ordinal), cipher: cipher)
        guard decoded.slotCount == Int(block.slotCount) else {
          throw VarveError(.damaged, "a block has \(decoded.slotCount) slots")
        }
        for (index, slot) in contents.slots[block.slots].enumerated() {
          let bytes = try decoded.slot(index)
          guard bytes.count == Int(slot.length), SHA256.digest(bytes) == slot.address else {
            throw VarveError(.damaged, "chunk \(slot.address) differs after decoding")
          }
        }
      } catch {
        throw VarveError(
          .damaged, "a pack that was just made does not decode; it was not stored",
          hint:
            "this points at faulty memory or a faulty CPU: test this machine before trusting it",
          cause: error)
      }
      offset += length
    }
  }
}
