internal import VarveFormat
internal import VarveStorage

/// Reads what ends a pack: from it an index can be rebuilt (docs/format.md, section 7).
struct PackTail {
  let footer: PackFooter
  let trailer: PackTrailer

  /// Reads footer and trailer of a pack and checks that they and the blocks fill it.
  ///
  /// - Parameters:
  ///   - size: bytes of the pack.
  ///   - cipher: the pack's own.
  ///   - block: where the trailer is opened.
  /// - Throws: `.damaged`, `.missing`, `.io`.
  init(
    of name: String, size: UInt64, from storage: any StorageBackend, cipher: BlockCipher,
    _ block: DecodedBlock
  ) throws {
    let least = UInt64(PackHeader.byteCount + PackFooter.byteCount)
    guard size > least else { throw VarveError(.damaged, "it is too short to be a pack") }
    let end = size - UInt64(PackFooter.byteCount)
    footer = try storage.read(name, offset: end, count: PackFooter.byteCount)
      .withUnsafeBytes { try PackFooter(decoding: $0) }
    guard UInt64(footer.trailerLength) <= size - least else {
      throw VarveError(.damaged, "its trailer does not fit into it")
    }
    let sealed = try storage.read(
      name, offset: end - UInt64(footer.trailerLength), count: Int(footer.trailerLength))
    trailer = try sealed.withUnsafeBytes {
      try PackTrailer(
        decoding: try block.payload(of: $0, ordinal: BlockBinding.trailerOrdinal, cipher: cipher))
    }
    try trailer.requireFits(footer: footer, packSize: size)
  }
}
