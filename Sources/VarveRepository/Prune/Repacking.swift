internal import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveStorage

/// Copies what is used of packs into new ones.
///
/// A block that is used whole keeps its frame and is only sealed again; of other blocks the used chunks go
/// through the store as new ones do. Every chunk's digest is computed on the way: what the index says of a damaged
/// one is then found nowhere else, and the prune stops before it condemns anything.
struct Repacking {
  /// Blocks that are this near each other are read together.
  private static let gapLimit = 64 << 10
  private static let readLimit = 4 << 20

  let repository: IndexedRepository
  let store: ChunkStore
  let used: SlotUse
  let workers: Int
  let progress: PruneProgress
  let cancellation: CancellationFlag

  func run(_ packs: [PackTally.Pack]) throws {
    let next = Atomic<Int>(0)
    let keyring = try repository.requireKeyring()
    let this = self
    try WorkerThreads.run(count: max(1, min(workers, packs.count))) { _ in
      let worker = try Worker(repacking: this, keyring: keyring)
      while true {
        let number = next.add(1, ordering: .relaxed).oldValue
        guard number < packs.count else { break }
        try worker.copy(packs[number])
      }
      try worker.writer.flush()
    }
  }

  private final class Worker {
    private let repacking: Repacking
    private let keyring: PackKeyring
    let writer: ChunkWriter
    private let decoded: DecodedBlock
    private let lanes = SHA256Lanes()
    private var window: ReusableBuffer
    private var copy: ReusableBuffer
    private var slots: [PackTrailer.Slot] = []

    init(repacking: Repacking, keyring: PackKeyring) throws {
      self.repacking = repacking
      self.keyring = keyring
      writer = try repacking.store.makeWriter()
      decoded = try DecodedBlock()
      window = try ReusableBuffer(capacity: Repacking.readLimit)
      copy = try ReusableBuffer(capacity: BlockDecoder.usualLength)
    }

    func copy(_ pack: PackTally.Pack) throws {
      let cipher = try keyring.cipher(pack: pack.pack.name, type: pack.pack.type)
      let wanted = pack.used.indices.filter { pack.used[$0] > 0 }
      var first = 0
      while first < wanted.count {
        try repacking.cancellation.check()
        let start = Int(pack.blocks[wanted[first]].offset)
        var end = start + Int(pack.blocks[wanted[first]].storedLength)
        var last = first + 1
        while last < wanted.count {
          let block = pack.blocks[wanted[last]]
          let blockEnd = Int(block.offset) + Int(block.storedLength)
          guard Int(block.offset) >= end, Int(block.offset) - end <= Repacking.gapLimit,
            blockEnd - start <= Repacking.readLimit
          else { break }
          end = blockEnd
          last += 1
        }
        window = try window.fitted(to: end - start, usually: Repacking.readLimit)
        let bytes = UnsafeMutableRawBufferPointer(start: window.base, count: end - start)
        try repacking.repository.storage.read(
          ObjectName.pack(pack.pack.name), offset: UInt64(start), into: bytes)
        for number in wanted[first..<last] {
          let block = pack.blocks[number]
          let place = Int(block.offset) - start
          try copy(
            UnsafeRawBufferPointer(
              rebasing: UnsafeRawBufferPointer(bytes)[place..<place + Int(block.storedLength)]),
            number, of: pack, cipher)
        }
        repacking.progress.bytesRepacked.add(UInt64(end - start), ordering: .relaxed)
        first = last
      }
    }

    private func copy(
      _ sealed: UnsafeRawBufferPointer, _ number: Int, of pack: PackTally.Pack,
      _ cipher: BlockCipher
    ) throws {
      do {
        try decoded.decode(sealed, ordinal: UInt32(number), cipher: cipher)
      } catch let error as VarveError where error.code == .damaged {
        throw VarveError(
          .damaged, "\(ObjectName.pack(pack.pack.name)) is damaged in block \(number)",
          hint: "run 'varve check --read-data' to see every object and file that is affected",
          cause: error)
      }
      lanes.removeAll()
      for slot in 0..<decoded.slotCount { lanes.add(try decoded.slot(slot)) }
      lanes.run()
      if decoded.slotCount == Int(pack.used[number]) {
        slots.removeAll(keepingCapacity: true)
        for slot in 0..<decoded.slotCount {
          slots.append(
            PackTrailer.Slot(
              address: lanes[slot], length: UInt32(try decoded.slot(slot).count)))
        }
        try slots.withUnsafeBufferPointer {
          try writer.move(
            frame: decoded.frame, of: decoded.wholePayload, slots: $0, type: pack.pack.type)
        }
        return
      }
      for slot in 0..<decoded.slotCount
      where repacking.used.contains(pack.pack.name, block: UInt16(number), slot: UInt16(slot)) {
        let bytes = try decoded.slot(slot)
        let headroom = BlockAssembler.headroom
        copy = try copy.fitted(
          to: headroom + bytes.count, usually: BlockDecoder.usualLength)
        (copy.base + headroom).copyMemory(
          from: bytes.baseAddress ?? UnsafeRawPointer(copy.base), byteCount: bytes.count)
        try writer.move(
          lanes[slot],
          chunkWithHeadroom: UnsafeRawBufferPointer(
            start: copy.base + headroom, count: bytes.count),
          type: pack.pack.type)
      }
    }
  }
}
