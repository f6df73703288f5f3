internal import VarveCrypto
package import VarveFormat
internal import VarveStorage

/// A chunk that is to be taken over from a repository, and where it lies there.
package struct WantedChunk: Sendable {
  package let id: Digest
  package let length: UInt32
  package let location: ChunkLocation

  package init(id: Digest, length: UInt32, location: ChunkLocation) {
    self.id = id
    self.length = length
    self.location = location
  }

  /// The order in which packs have them.
  package static func precedes(_ a: WantedChunk, _ b: WantedChunk) -> Bool {
    (a.location.pack, a.location.block, a.location.slot)
      < (b.location.pack, b.location.block, b.location.slot)
  }

  package func isInBlock(of other: WantedChunk) -> Bool {
    location.block == other.location.block && location.pack == other.location.pack
  }
}

/// Takes data chunks over from one repository into the store of another. One per thread.
///
/// Blocks near each other are read together. Each is opened, and the digest of each wanted chunk computed and compared. A block
/// that is wanted whole keeps its frame, so that nothing is compressed again; of others the wanted chunks go through the store as
/// new ones do.
package final class ChunkTransfer {
  /// Blocks that are this near each other are read together.
  private static let gapLimit = 64 << 10
  private static let readLimit = 4 << 20

  private let storage: any StorageBackend
  private let reader: BlockReader
  private let decoded: DecodedBlock
  private let lanes = SHA256Lanes()
  private var window: ReusableBuffer
  private var copy: ReusableBuffer
  private var slots: [PackTrailer.Slot] = []

  /// - Throws: `.forbidden` for a role that cannot read content.
  package init(from source: IndexedRepository) throws {
    storage = source.storage
    reader = try source.makeBlockReader()
    decoded = try DecodedBlock()
    window = try ReusableBuffer(capacity: Self.readLimit)
    copy = try ReusableBuffer(capacity: BlockDecoder.usualLength)
  }

  /// Stores chunks that the caller has claimed.
  ///
  /// - Parameters:
  ///   - wanted: ascending as `WantedChunk.precedes` has it, each once.
  ///   - taken: called with each chunk that has been handed to `writer`.
  ///   - lost: called with each that cannot be read from the source.
  /// - Throws: what storing and `taken` throw.
  package func take(
    _ wanted: ArraySlice<WantedChunk>, into writer: ChunkWriter,
    taken: (WantedChunk) throws -> Void, lost: (WantedChunk, VarveError) -> Void
  ) throws {
    var first = wanted.startIndex
    while first < wanted.endIndex {
      let start = wanted[first].location
      var end = UInt64(start.offset) + UInt64(start.storedLength)
      var last = first + 1
      while last < wanted.endIndex, wanted[last].location.pack == start.pack {
        let next = wanted[last].location
        let nextEnd = UInt64(next.offset) + UInt64(next.storedLength)
        guard UInt64(next.offset) <= end + UInt64(Self.gapLimit), next.offset >= start.offset,
          max(end, nextEnd) - UInt64(start.offset) <= UInt64(Self.readLimit)
        else { break }
        end = max(end, nextEnd)
        last += 1
      }
      try take(
        window: UInt64(start.offset)..<end, wanted[first..<last], into: writer, taken, lost)
      first = last
    }
  }

  private func take(
    window range: Range<UInt64>, _ wanted: ArraySlice<WantedChunk>, into writer: ChunkWriter,
    _ taken: (WantedChunk) throws -> Void, _ lost: (WantedChunk, VarveError) -> Void
  ) throws {
    guard let pack = wanted.first?.location.pack else { return }
    let length = Int(range.upperBound - range.lowerBound)
    window = try window.fitted(to: length, usually: Self.readLimit)
    let bytes = UnsafeMutableRawBufferPointer(start: window.base, count: length)
    var failure: VarveError?
    do {
      try storage.read(ObjectName.pack(pack), offset: range.lowerBound, into: bytes)
    } catch let error as VarveError where error.isOfObject {
      failure = error
    }
    var first = wanted.startIndex
    while first < wanted.endIndex {
      var last = first + 1
      while last < wanted.endIndex, wanted[last].isInBlock(of: wanted[first]) { last += 1 }
      let location = wanted[first].location
      do {
        if failure == nil {
          let place = Int(UInt64(location.offset) - range.lowerBound)
          try reader.open(
            UnsafeRawBufferPointer(
              rebasing: UnsafeRawBufferPointer(bytes)[place..<place + Int(location.storedLength)]),
            at: location, into: decoded)
        } else {
          // Only some of what was to be read may be unreadable.
          try reader.read(location, into: decoded)
        }
      } catch let error as VarveError where error.isOfObject {
        for chunk in wanted[first..<last] { lost(chunk, error) }
        first = last
        continue
      }
      try take(block: wanted[first..<last], into: writer, taken, lost)
      first = last
    }
  }

  /// Takes over chunks of the block that is decoded.
  private func take(
    block wanted: ArraySlice<WantedChunk>, into writer: ChunkWriter,
    _ taken: (WantedChunk) throws -> Void, _ lost: (WantedChunk, VarveError) -> Void
  ) throws {
    lanes.removeAll()
    var present: [WantedChunk] = []
    present.reserveCapacity(wanted.count)
    for chunk in wanted {
      do {
        lanes.add(try decoded.slot(Int(chunk.location.slot)))
        present.append(chunk)
      } catch let error as VarveError {
        lost(chunk, error)
      }
    }
    lanes.run()
    slots.removeAll(keepingCapacity: true)
    var sound: [WantedChunk] = []
    sound.reserveCapacity(present.count)
    for (number, chunk) in present.enumerated() {
      guard lanes[number] == chunk.id else {
        lost(
          chunk,
          VarveError(
            .damaged,
            "\(ObjectName.pack(chunk.location.pack)) has another chunk where the index says "
              + "\(chunk.id) is"))
        continue
      }
      sound.append(chunk)
      slots.append(
        PackTrailer.Slot(
          address: chunk.id,
          length: UInt32(try decoded.slot(Int(chunk.location.slot)).count)))
    }
    if sound.count == decoded.slotCount {
      try slots.withUnsafeBufferPointer {
        try writer.move(frame: decoded.frame, of: decoded.wholePayload, slots: $0, type: .data)
      }
    } else {
      for chunk in sound {
        let bytes = try decoded.slot(Int(chunk.location.slot))
        let headroom = BlockAssembler.headroom
        copy = try copy.fitted(to: headroom + bytes.count, usually: BlockDecoder.usualLength)
        (copy.base + headroom).copyMemory(
          from: bytes.baseAddress ?? UnsafeRawPointer(copy.base), byteCount: bytes.count)
        try writer.addClaimedData(
          chunk.id,
          chunkWithHeadroom: UnsafeRawBufferPointer(
            start: copy.base + headroom, count: bytes.count))
      }
    }
    for chunk in sound { try taken(chunk) }
  }
}
