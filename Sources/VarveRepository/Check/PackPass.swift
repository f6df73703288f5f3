internal import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveStorage

/// One pack on its way through a check.
///
/// It is read once from front to back, in windows of whole blocks of about 3 MiB. The trailer, read first, says where
/// blocks end; where it is damaged the index does. Reused from pack to pack.
final class PackPass {
  private static let windowByteCount = 3 << 20

  private let session: CheckSession
  private let keyring: PackKeyring
  private let checked: CheckedIndex
  private let lost: LostPlaces
  private let open: OpenBlocks
  private let hash = SHA256Stream()
  private(set) var chunksVerified: UInt64 = 0

  private(set) var isActive = false
  private var pack = Digest.zero
  private var size: UInt64 = 0
  private var cipher: BlockCipher?
  private var trailer: PackTrailer?
  /// Of its sealed blocks, in order.
  private var lengths: [UInt32] = []
  private var problems = Problems()

  private var window: ReusableBuffer
  /// Where in the pack the window begins and ends.
  private var windowStart: UInt64 = 0
  private var windowEnd: UInt64 = 0
  /// Where in the window the bytes end that are hashed, and those that are to be hashed next.
  private var hashed = 0
  private var taken = 0
  /// The next block, and the first one behind the window.
  private var block = 0
  private var windowBlocks = 0
  /// Blocks that were opened and not verified yet; `place` is -1 when a block does not open.
  private var opened: [(number: Int, place: Int, firstDigest: Int)] = []

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

  init(
    session: CheckSession, keyring: PackKeyring, checked: CheckedIndex, lost: LostPlaces,
    open: OpenBlocks
  ) throws {
    self.session = session
    self.keyring = keyring
    self.checked = checked
    self.lost = lost
    self.open = open
    window = try ReusableBuffer(capacity: Self.windowByteCount)
  }

  private var name: String { ObjectName.pack(pack) }

  // MARK: From pack to pack

  /// - Parameter size: by the log.
  /// - Throws: what is no damage.
  func begin(_ pack: Digest, size: UInt64) throws {
    self.pack = pack
    problems = Problems()
    cipher = nil
    trailer = nil
    (windowStart, windowEnd, hashed, taken, block, windowBlocks) = (0, 0, 0, 0, 0, 0)
    opened.removeAll(keepingCapacity: true)
    hash.reset()
    isActive = true
    do {
      try readEnds(size)
    } catch {
      lost.add(pack: pack)
      try problems.add(error)
      finish()
    }
  }

  private func readEnds(_ logged: UInt64) throws {
    let storage = session.storage
    guard let size = try storage.size(name) else {
      throw VarveError(.missing, "it is not there")
    }
    if size != logged { problems.sentences.append("it has \(size) bytes; the log says \(logged)") }
    guard size >= UInt64(PackHeader.byteCount) else {
      throw VarveError(.damaged, "it is too short to be a pack")
    }
    self.size = size
    let header = try storage.read(name, offset: 0, count: PackHeader.byteCount)
    do {
      let (type, own) = try keyring.cipher(header: header, name: name)
      cipher = own
      try requireType(type, of: pack)
    } catch {
      lost.add(pack: pack)
      try problems.add(error)
    }
    if let cipher {
      do {
        trailer = try PackTail(of: name, size: size, from: storage, cipher: cipher, open.scratch)
          .trailer
      } catch {
        try problems.add(error)
      }
    }
    lengths = try trailer?.blocks.map(\.storedLength) ?? indexedLengths(pack)
  }

  /// Records what was found.
  private func finish() {
    isActive = false
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

  // MARK: From block to block

  /// Bytes that `hashPending` would take.
  var pendingByteCount: Int { isActive ? taken - hashed : .max }

  /// Has the bytes since the last call, up to the end of the last block that was opened, hashed with the chunks.
  func hashPending() {
    guard isActive else { return }
    open.lanes.add(
      UnsafeRawBufferPointer(start: window.base + hashed, count: taken - hashed), to: hash)
    hashed = taken
  }

  /// Opens the next block, or takes what is behind the last; false when that must wait for what is pending, or
  /// there is no more.
  ///
  /// - Throws: what is no damage.
  func openNext() throws -> Bool {
    guard isActive else { return false }
    if taken == Int(windowEnd - windowStart) {
      guard hashed == taken, windowEnd < size else { return false }
      guard try readWindow() else { return false }
    }
    guard block < windowBlocks, let cipher else {
      block = max(block, windowBlocks)
      taken = Int(windowEnd - windowStart)
      return true
    }
    // The header goes with the first block.
    let start = taken + (windowStart == 0 && taken == 0 ? PackHeader.byteCount : 0)
    let end = start + Int(lengths[block])
    let sealed = UnsafeRawBufferPointer(start: window.base + start, count: end - start)
    let place = open.count
    let firstDigest = open.lanes.count
    do {
      try open.open { decoded in
        try decoded.decode(sealed, ordinal: UInt32(block), cipher: cipher)
        for slot in 0..<decoded.slotCount { open.lanes.add(try decoded.slot(slot)) }
      }
      opened.append((block, place, firstDigest))
    } catch {
      _ = try CheckSession.kind(of: error)
      opened.append((block, -1, firstDigest))
    }
    taken = end
    block += 1
    return true
  }

  /// Reads whole blocks, or what is behind the last; false when it cannot be read, which ends the pass.
  private func readWindow() throws -> Bool {
    windowStart = windowEnd
    (hashed, taken) = (0, 0)
    var count = windowStart == 0 ? PackHeader.byteCount : 0
    let first = block
    var end = block
    while end < lengths.count {
      let length = Int(lengths[end])
      guard count + length <= Self.windowByteCount || end == first,
        windowStart + UInt64(count + length) <= size
      else { break }
      count += length
      end += 1
    }
    if end == first {
      // Behind the blocks, or behind a pack that ends too early for them.
      count = Int(min(UInt64(Self.windowByteCount), size - windowStart))
      if first < lengths.count, windowStart + UInt64(count) == size {
        problems.blocks.append(contentsOf: first..<lengths.count)
      }
    }
    windowBlocks = end
    window = try window.fitted(to: count, usually: Self.windowByteCount)
    windowEnd = windowStart + UInt64(count)
    do {
      try session.storage.read(
        name, offset: windowStart,
        into: UnsafeMutableRawBufferPointer(start: window.base, count: count))
    } catch {
      problems.blocks.append(contentsOf: first..<lengths.count)
      try problems.add(error)
      opened.removeAll(keepingCapacity: true)
      finish()
      return false
    }
    session.progress.bytesRead.add(UInt64(count), ordering: .relaxed)
    return true
  }

  /// Looks at the chunks of the opened blocks, whose digests are known now; ends the pass when these were the
  /// last.
  func verifyBlocks() throws {
    for (number, place, firstDigest) in opened {
      let isRight = try place >= 0 && matches(open[place], number, firstDigest)
      if !isRight { problems.blocks.append(number) }
    }
    opened.removeAll(keepingCapacity: true)
    guard windowEnd == size, hashed == Int(windowEnd - windowStart) else { return }
    let found = hash.finish()
    if found != pack { problems.sentences.insert("its bytes do not have that digest", at: 0) }
    do {
      if let trailer { try compare(trailer, of: pack, isGenuine: found == pack) }
    } catch {
      lost.add(pack: pack)
      try problems.add(error)
    }
    finish()
  }

  /// Whether the block is what the trailer says; without a trailer, whether the index knows its chunks.
  private func matches(
    _ block: DecodedBlock, _ number: Int, _ firstDigest: Int
  ) throws -> Bool {
    guard let trailer else {
      return (0..<block.slotCount).allSatisfy {
        checked.index.contains(open.lanes[firstDigest + $0])
      }
    }
    let slots = trailer.slots[trailer.blocks[number].slots]
    guard block.slotCount == slots.count else { return false }
    for (index, slot) in slots.enumerated() {
      guard try block.slot(index).count == Int(slot.length),
        open.lanes[firstDigest + index] == slot.address
      else { return false }
      chunksVerified += 1
    }
    return true
  }

  // MARK: The index

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
    for (number, row) in checked.places[pack] ?? []
    where try !checked.agrees(segment: number, row: row, with: trailer) {
      guard isGenuine else { return lost.add(pack: pack) }
      session.add(
        CheckReport.Damage(
          object: checked.segments[number].name, kind: .damaged,
          message: "it does not agree with the trailer of \(ObjectName.pack(pack))"))
    }
  }
}
