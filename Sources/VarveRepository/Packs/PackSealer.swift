import Glibc
internal import VarveCrypto
internal import VarveFormat

/// What one thread needs to seal and verify blocks: ciphers for the packs it is writing to, and room to decode.
package final class PackSealer {
  private var ciphers: [(pack: OpenPack, cipher: BlockCipher)] = []
  private let decoder: DecodedBlock

  package init() throws { decoder = try DecodedBlock() }

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

  /// Opens a block where it lies sealed, decompresses it and compares it with its payload, so that bad memory or
  /// a faulty codec shows before anything depends on the block.
  ///
  /// - Throws: `.damaged` when the block does not decode to what it was made from.
  package func verify(
    _ sealed: UnsafeRawBufferPointer, ordinal: UInt32, cipher: BlockCipher,
    decodesTo payload: UnsafeRawBufferPointer
  ) throws {
    do {
      let found = try decoder.payload(of: sealed, ordinal: ordinal, cipher: cipher)
      guard Self.areEqual(found, payload) else {
        throw VarveError(.damaged, "block \(ordinal) decodes to other bytes")
      }
    } catch {
      throw VarveError(
        .damaged, "a block that was just made does not decode; its pack was not stored",
        hint:
          "this points at faulty memory or a faulty CPU: test this machine before trusting it",
        cause: error)
    }
  }

  private static func areEqual(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    guard a.count == b.count else { return false }
    guard let first = a.baseAddress, let second = b.baseAddress else { return a.isEmpty }
    return memcmp(first, second, a.count) == 0
  }
}
