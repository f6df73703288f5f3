internal import VarveCrypto
internal import VarveFormat
internal import VarveStorage

/// Copies what still opens of damaged packs: whole blocks, each as its seal has kept it.
///
/// Where blocks begin is said by the pack's trailer, or else by an index segment. A block whose seal is right is what its
/// writer put there; its chunks get the addresses that they have.
final class PackSalvage {
  private let survey: StorageSurvey
  private let storage: any StorageBackend
  private let writer: ChunkWriter
  private let cancellation: CancellationFlag
  private let decoded: DecodedBlock
  private let lanes = SHA256Lanes()
  private var buffer: ReusableBuffer
  private var slots: [PackTrailer.Slot] = []

  init(_ survey: StorageSurvey, _ writer: ChunkWriter, _ cancellation: CancellationFlag) throws {
    self.survey = survey
    storage = survey.storage
    self.writer = writer
    self.cancellation = cancellation
    decoded = try DecodedBlock()
    buffer = try ReusableBuffer(capacity: BlockDecoder.usualLength)
  }

  /// - Throws: `.io` when storage does not give something that is there; `.interrupted`.
  func run(_ pack: Digest, _ report: inout StorageRepairReport) throws {
    let name = ObjectName.pack(pack)
    guard let size = try storage.size(name), size > UInt64(PackHeader.byteCount) else { return }
    let header = try storage.read(name, offset: 0, count: PackHeader.byteCount)
    guard let (type, cipher) = try undamaged({ try keyring.cipher(header: header, name: name) })
    else { return }
    let tail = try undamaged {
      try PackTail(of: name, size: size, from: storage, cipher: cipher, decoded)
    }
    let lengths = try tail?.trailer.blocks.map(\.storedLength) ?? indexedLengths(pack)
    var offset = UInt64(PackHeader.byteCount)
    for (number, length) in lengths.enumerated() {
      try cancellation.check()
      defer { offset += UInt64(length) }
      guard offset + UInt64(length) <= size else {
        report.lostBlocks += 1
        continue
      }
      buffer = try buffer.fitted(to: Int(length), usually: BlockDecoder.usualLength)
      let sealed = UnsafeMutableRawBufferPointer(start: buffer.base, count: Int(length))
      try storage.read(name, offset: offset, into: sealed)
      let isWhole = try undamaged {
        try decoded.decode(
          UnsafeRawBufferPointer(sealed), ordinal: UInt32(number), cipher: cipher)
        return true
      }
      if isWhole == true { try copy(type, &report) } else { report.lostBlocks += 1 }
    }
  }

  private var keyring: PackKeyring { survey.keyring }

  /// Copies the block that was decoded last.
  private func copy(_ type: PackType, _ report: inout StorageRepairReport) throws {
    lanes.removeAll()
    for slot in 0..<decoded.slotCount { lanes.add(try decoded.slot(slot)) }
    lanes.run()
    slots.removeAll(keepingCapacity: true)
    for slot in 0..<decoded.slotCount {
      let count = try decoded.slot(slot).count
      slots.append(PackTrailer.Slot(address: lanes[slot], length: UInt32(count)))
      report.savedChunks += 1
      report.savedByteCount += UInt64(count)
    }
    try slots.withUnsafeBufferPointer {
      try writer.move(frame: decoded.frame, of: decoded.wholePayload, slots: $0, type: type)
    }
  }

  private func indexedLengths(_ pack: Digest) throws -> [UInt32] {
    guard let (segment, row) = survey.checked.places[pack]?.first else { return [] }
    let view = survey.checked.segments[segment].mapped.view
    return try view.blocks(ofPack: row).map { try view.block(at: $0).storedLength }
  }

  private func undamaged<Result>(_ body: () throws -> Result) throws -> Result? {
    do {
      return try body()
    } catch let error as VarveError where error.code == .damaged {
      return nil
    }
  }
}
