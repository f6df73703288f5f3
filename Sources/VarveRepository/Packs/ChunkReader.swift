internal import VarveCrypto
public import VarveFormat
package import VarveStorage

/// Reads chunks by address and verifies each one. One per thread.
///
/// Keeps the last few decoded blocks, since tree nodes and small files that are wanted together
/// lie together: at most `blockLimit` × (2 × block size), about 16 MiB.
public final class ChunkReader {
  private static let blockLimit = 4

  private struct Key: Hashable {
    let pack: Digest
    let block: UInt16
  }

  private let index: ChunkIndex
  private let reader: BlockReader
  private var blocks: [(key: Key, block: DecodedBlock)] = []

  /// - Parameter trees: where tree packs are read, if not where the others are.
  package init(
    index: ChunkIndex, storage: any StorageBackend, trees: (any StorageBackend)? = nil,
    keyring: PackKeyring
  ) {
    self.index = index
    reader = BlockReader(storage: storage, trees: trees, keyring: keyring)
  }

  /// Gives `body` the bytes of chunk `id`, verified and valid during the call only.
  ///
  /// - Throws: `.missing` when no index knows the chunk, `.damaged` when its pack does not have it,
  ///   and what `body` throws.
  public func withChunk<T>(
    _ id: Digest, _ body: (UnsafeRawBufferPointer) throws -> T
  ) throws -> T {
    guard let location = index.locate(id) else {
      throw VarveError(
        .missing, "no index knows chunk \(id)",
        hint: "run 'varve check' to see which snapshots and files are affected")
    }
    let bytes = try block(at: location).slot(Int(location.slot))
    guard SHA256.digest(bytes) == id else {
      throw VarveError(
        .damaged,
        "\(ObjectName.pack(location.pack)) has another chunk where the index says \(id) is",
        hint: "if 'varve check --read-data' finds no damage, delete the local cache and try again")
    }
    return try body(bytes)
  }

  /// The bytes of chunk `id`, verified.
  public func chunk(_ id: Digest) throws -> [UInt8] { try withChunk(id) { Array($0) } }

  private func block(at location: ChunkLocation) throws -> DecodedBlock {
    let key = Key(pack: location.pack, block: location.block)
    if let found = blocks.firstIndex(where: { $0.key == key }) {
      let hit = blocks.remove(at: found)
      blocks.append(hit)
      return hit.block
    }
    let target =
      blocks.count >= Self.blockLimit ? blocks.removeFirst().block : try DecodedBlock()
    try reader.read(location, into: target)
    blocks.append((key, target))
    return target
  }
}
