internal import Synchronization
internal import VarveFormat

/// Where nothing can be read any more: packs, and blocks of packs.
final class LostPlaces: Sendable {
  private struct Block: Hashable {
    let pack: Digest
    let number: UInt16
  }

  private struct Content {
    var packs: Set<Digest> = []
    var blocks: Set<Block> = []
  }
  private let content = Mutex(Content())

  func add(pack: Digest) { content.withLock { _ = $0.packs.insert(pack) } }

  func add(_ blocks: some Sequence<Int>, of pack: Digest) {
    content.withLock { content in
      for block in blocks {
        content.blocks.insert(Block(pack: pack, number: UInt16(truncatingIfNeeded: block)))
      }
    }
  }

  var isEmpty: Bool { content.withLock { $0.packs.isEmpty && $0.blocks.isEmpty } }

  func contains(_ location: ChunkLocation) -> Bool {
    content.withLock {
      $0.packs.contains(location.pack)
        || $0.blocks.contains(Block(pack: location.pack, number: location.block))
    }
  }
}
