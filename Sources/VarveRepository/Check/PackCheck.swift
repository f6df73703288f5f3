internal import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveStorage

/// Reads packs whole and verifies every byte of them. One per thread.
///
/// A pack is read once from front to back, in windows of whole blocks of about 8 MiB. A few blocks at a time
/// are opened, and hashed for the pack's name beside their chunks while they are warm. The trailer, read first,
/// says where blocks end; where it is damaged the index does.
final class PackCheck {
  private let session: CheckSession
  private let keyring: PackKeyring
  private let checked: CheckedIndex
  private let lost: LostPlaces
  /// A few blocks at a time, so that chunk addresses and the pack's name are computed side by side.
  private let decoded: [DecodedBlock]
  /// Whether each of them is one.
  private var opened: [Bool] = []
  private let lanes = SHA256Lanes()
  private var window: ReusableBuffer
  private(set) var chunksVerified: UInt64 = 0

  init(
    session: CheckSession, keyring: PackKeyring, checked: CheckedIndex, lost: LostPlaces
  ) throws {
    self.session = session
    self.keyring = keyring
    self.checked = checked
    self.lost = lost
    decoded = try (0..<4).map { _ in try DecodedBlock() }
    window = try ReusableBuffer(capacity: ObjectHash.windowByteCount)
  }

  /// What is wrong with one pack.
  private struct Problems {
    var sentences: [String] = []
    var blocks: [Int] = []
    var unreadable = false

    mutating func add(_ error: any Error) throws {
      if try CheckSession.kind(of: error) != .damaged { unreadable = true }
      sentences.append(CheckSession.message(of: error))
    }
  }

  /// - Parameter size: by the log.
  /// - Throws: `.interrupted`; damage is recorded.
  func check(_ pack: Digest, size: UInt64) throws {
    let name = ObjectName.pack(pack)
    var problems = Problems()
    do {
      try check(pack, name, size, &problems)
    } catch {
      lost.add(pack: pack)
      try problems.add(error)
    }
    lost.add(problems.blocks, of: pack)
    if !problems.blocks.isEmpty {
      let shown = problems.blocks.prefix(10).map(String.init).joined(separator: ", ")
      let more = problems.blocks.count > 10 ? " and \(problems.blocks.count - 10) more" : ""
      problems.sentences.append("these blocks do not open to what they should be: \(shown)\(more)")
    }
    session.progress.packsRead.add(1, ordering: .relaxed)
    guard !problems.sentences.isEmpty else { return }
    session.add(
      CheckReport.Damage(
        object: name, kind: problems.unreadable ? .unreadable : .damaged,
        message: problems.sentences.joined(separator: "; ")))
  }

  private func check(
    _ pack: Digest, _ name: String, _ logged: UInt64, _ problems: inout Problems
  ) throws {
    let storage = session.storage
    guard let size = try storage.size(name) else {
      throw VarveError(.missing, "it is not there")
    }
    if size != logged { problems.sentences.append("it has \(size) bytes; the log says \(logged)") }
    guard size >= UInt64(PackHeader.byteCount) else {
      throw VarveError(.damaged, "it is too short to be a pack")
    }
    let header = try storage.read(name, offset: 0, count: PackHeader.byteCount)
    var cipher: BlockCipher?
    do {
      let (type, own) = try keyring.cipher(header: header, name: name)
      cipher = own
      try requireType(type, of: pack)
    } catch {
      lost.add(pack: pack)
      try problems.add(error)
    }
    var trailer: PackTrailer?
    if let cipher {
      do {
        trailer = try PackTail(
          of: name, size: size, from: storage, cipher: cipher, decoded[0].decompressor
        ).trailer
      } catch {
        try problems.add(error)
      }
    }
    let lengths = try trailer?.blocks.map(\.storedLength) ?? indexedLengths(pack)
    let reading = PackReading(
      pack: pack, name: name, size: size, lengths: lengths, trailer: trailer)
    let found = try read(reading, cipher, &problems)
    if let found, found != pack {
      problems.sentences.insert("its bytes do not have that digest", at: 0)
    }
    if let trailer { try compare(trailer, of: pack, isGenuine: found == pack) }
  }

  /// One pass over a pack.
  private struct PackReading {
    let pack: Digest
    let name: String
    let size: UInt64
    /// Of its sealed blocks, in order.
    let lengths: [UInt32]
    let trailer: PackTrailer?
  }

  /// - Returns: the digest of the bytes; nil when they could not all be read.
  private func read(
    _ pack: PackReading, _ cipher: BlockCipher?, _ problems: inout Problems
  ) throws -> Digest? {
    let hash = SHA256Stream()
    var offset: UInt64 = 0
    var block = 0
    while offset < pack.size {
      try session.cancellation.check()
      // The header goes with the first blocks, the trailer after the last.
      var count = offset == 0 ? PackHeader.byteCount : 0
      let first = block
      while block < pack.lengths.count {
        let length = Int(pack.lengths[block])
        guard count + length <= ObjectHash.windowByteCount || block == first,
          offset + UInt64(count + length) <= pack.size
        else { break }
        count += length
        block += 1
      }
      if block == first {
        // Behind the blocks, or behind a pack that ends too early for them.
        count = Int(min(UInt64(ObjectHash.windowByteCount), pack.size - offset))
      }
      if window.capacity < count { window = try ReusableBuffer(capacity: count) }
      let bytes = UnsafeMutableRawBufferPointer(start: window.base, count: count)
      do {
        try session.storage.read(pack.name, offset: offset, into: bytes)
      } catch {
        problems.blocks.append(contentsOf: first..<pack.lengths.count)
        try problems.add(error)
        return nil
      }
      let read = UnsafeRawBufferPointer(bytes)
      var done = 0
      if let cipher {
        let start = offset == 0 ? PackHeader.byteCount : 0
        var number = first
        while number < block {
          let together = number..<min(number + decoded.count, block)
          let end = together.reduce(max(done, start)) { $0 + Int(pack.lengths[$1]) }
          try check(
            together, in: UnsafeRawBufferPointer(rebasing: read[max(done, start)..<end]), of: pack,
            cipher, &problems, beside: hash, UnsafeRawBufferPointer(rebasing: read[done..<end]))
          done = end
          number = together.upperBound
        }
      }
      hash.update(UnsafeRawBufferPointer(rebasing: read[done...]))
      offset += UInt64(count)
      session.progress.bytesRead.add(UInt64(count), ordering: .relaxed)
      if block == first, block < pack.lengths.count, offset == pack.size {
        problems.blocks.append(contentsOf: block..<pack.lengths.count)
      }
    }
    return hash.finish()
  }

  /// Checks as many blocks as can be open at once, and notes those that are not what they should be.
  ///
  /// - Parameters:
  ///   - sealed: the blocks, one behind the other.
  ///   - hash: takes in `bytes` meanwhile.
  private func check(
    _ numbers: Range<Int>, in sealed: UnsafeRawBufferPointer, of pack: PackReading,
    _ cipher: BlockCipher, _ problems: inout Problems, beside hash: SHA256Stream,
    _ bytes: UnsafeRawBufferPointer
  ) throws {
    lanes.removeAll()
    opened.removeAll(keepingCapacity: true)
    var start = 0
    for (place, number) in numbers.enumerated() {
      let end = start + Int(pack.lengths[number])
      let block = UnsafeRawBufferPointer(rebasing: sealed[start..<end])
      start = end
      opened.append(try open(block, number, cipher, into: decoded[place]))
    }
    lanes.run(beside: hash, takingIn: bytes)
    var digest = 0
    for (place, number) in numbers.enumerated() {
      guard opened[place] else {
        problems.blocks.append(number)
        continue
      }
      let isRight = try matches(decoded[place], number, of: pack, firstDigest: digest)
      if !isRight { problems.blocks.append(number) }
      digest += decoded[place].slotCount
    }
  }

  /// Opens a block and has the digests of all its slots computed; false when it does not open.
  private func open(
    _ sealed: UnsafeRawBufferPointer, _ number: Int, _ cipher: BlockCipher,
    into block: DecodedBlock
  ) throws -> Bool {
    do {
      try block.decode(sealed, ordinal: UInt32(number), cipher: cipher)
      for slot in 0..<block.slotCount { lanes.add(try block.slot(slot)) }
      return true
    } catch {
      _ = try CheckSession.kind(of: error)
      return false
    }
  }

  /// Whether the block is what the trailer says; without a trailer, whether the index knows its chunks.
  private func matches(
    _ block: DecodedBlock, _ number: Int, of pack: PackReading, firstDigest: Int
  ) throws -> Bool {
    guard let trailer = pack.trailer else {
      return (0..<block.slotCount).allSatisfy { checked.index.contains(lanes[firstDigest + $0]) }
    }
    let slots = trailer.slots[trailer.blocks[number].slots]
    guard block.slotCount == slots.count else { return false }
    for (index, slot) in slots.enumerated() {
      guard try block.slot(index).count == Int(slot.length),
        lanes[firstDigest + index] == slot.address
      else { return false }
      chunksVerified += 1
    }
    return true
  }

  private func requireType(_ type: PackType, of pack: Digest) throws {
    for (segment, row) in checked.places[pack] ?? [] {
      let view = checked.segments[segment].mapped.view
      guard try view.pack(at: row).type == type else {
        throw VarveError(.damaged, "it is not of the type that the index says")
      }
    }
  }

  private func indexedLengths(_ pack: Digest) throws -> [UInt32] {
    guard let (segment, row) = checked.places[pack]?.first else { return [] }
    let view = checked.segments[segment].mapped.view
    return try view.blocks(ofPack: row).map { try view.block(at: $0).storedLength }
  }

  /// Requires that the segments which list the pack have its blocks, and exactly its chunks. If not, the
  /// segment is wrong where the pack is genuine; otherwise another pack is in its place.
  private func compare(_ trailer: PackTrailer, of pack: Digest, isGenuine: Bool) throws {
    for (number, row) in checked.places[pack] ?? [] {
      let segment = checked.segments[number]
      let view = segment.mapped.view
      let lengths = try view.blocks(ofPack: row).map { try view.block(at: $0).storedLength }
      // An address has one row in a segment. Those that lie elsewhere are counted there; those that
      // lie here must be as many as the segment has rows for this pack.
      var here = 0
      var known = true
      for (ordinal, block) in trailer.blocks.enumerated() {
        for (slot, entry) in trailer.slots[block.slots].enumerated() {
          guard let location = view.lookup(entry.address) else {
            known = false
            continue
          }
          let place = IndexLocation(
            pack: UInt32(row), block: UInt16(ordinal), slot: UInt16(slot))
          if location == place { here += 1 }
        }
      }
      guard known, here == segment.rowCounts[row], lengths == trailer.blocks.map(\.storedLength)
      else {
        guard isGenuine else { return lost.add(pack: pack) }
        session.add(
          CheckReport.Damage(
            object: segment.name, kind: .damaged,
            message: "it does not agree with the trailer of \(ObjectName.pack(pack))"))
        continue
      }
    }
  }
}
