internal import Synchronization
internal import VarveCrypto
package import VarveFormat
package import VarveStorage

/// A pack that has become durable.
package struct StoredPack: Sendable {
  package let name: Digest
  package let size: UInt64
  package let type: PackType
  package let contents: PackTrailer
}

/// Fills, verifies and stores the packs of one type. Shared by all threads of a backup.
///
/// One pack is open at a time: a small backup then leaves one small pack, not one a thread. The
/// lock is held to reserve a place (a few hundred bytes of bookkeeping for 1 MiB of data);
/// sealing, verifying, hashing and storing happen outside it. At most one pack a thread is being
/// completed while one more is open, so the buffers are bounded by (threads + 1) × pack size.
package final class PackWriter: Sendable {
  /// Slots after which a pack is closed, so that its trailer stays under 10 MiB.
  static let slotLimit = 1 << 18

  private struct State {
    var current: OpenPack?
    var free: [ReusableBuffer] = []
  }

  private let type: PackType
  private let recipient: PackRecipient
  private let storage: any StorageBackend
  private let packSize: Int
  private let verifies: Bool
  private let onStored: @Sendable (StoredPack) throws -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - packSize: bytes after which a pack is closed.
  ///   - verifies: decode each pack in memory and compare before it is stored.
  ///   - onStored: called after a pack is durable, on the thread that stored it.
  package init(
    type: PackType, recipient: PackRecipient, storage: any StorageBackend, packSize: Int,
    verifies: Bool, onStored: @escaping @Sendable (StoredPack) throws -> Void
  ) {
    self.type = type
    self.recipient = recipient
    self.storage = storage
    self.packSize = packSize
    self.verifies = verifies
    self.onStored = onStored
  }

  /// Seals `frame` into the open pack; stores the pack when it is full.
  package func append(
    frame: UnsafeRawBufferPointer, slots: UnsafeBufferPointer<PackTrailer.Slot>,
    by sealer: PackSealer
  ) throws {
    let length = frame.count + BlockCipher.tagLength
    let (pack, place) = try state.withLock { state in
      let pack: OpenPack
      if let current = state.current {
        pack = current
      } else {
        pack = try OpenPack(recipient: recipient, type: type, buffer: takeBuffer(&state))
        state.current = pack
      }
      let place = pack.reserve(length, slots: slots)
      if pack.used >= packSize || pack.contents.blocks.count >= PackLimits.blocks
        || pack.contents.slots.count >= Self.slotLimit
      {
        pack.closed = true
        state.current = nil
      }
      return (pack, place)
    }
    let target = UnsafeMutableRawBufferPointer(
      rebasing: pack.buffer.bytes[place.offset..<place.offset + length])
    try sealer.cipher(of: pack, repository: recipient.repository)
      .seal(frame, ordinal: place.ordinal, into: target)
    let complete = state.withLock { _ in
      pack.sealing -= 1
      return pack.closed && pack.sealing == 0
    }
    if complete { try store(pack, by: sealer) }
  }

  /// Stores the open pack, if there is one. No other thread may still be appending.
  package func finish(by sealer: PackSealer) throws {
    let pack = state.withLock { state in
      defer { state.current = nil }
      return state.current
    }
    if let pack { try store(pack, by: sealer) }
  }

  private func takeBuffer(_ state: inout State) throws -> ReusableBuffer {
    if let buffer = state.free.popLast() { return buffer }
    // Room for the last block, which may start just below the limit, and for the trailer.
    return try ReusableBuffer(capacity: packSize + PackLimits.storedBlockByteCount + (16 << 20))
  }

  private func store(_ pack: OpenPack, by sealer: PackSealer) throws {
    let cipher = try sealer.cipher(of: pack, repository: recipient.repository)
    let frame = [FrameCodec.raw.rawValue] + pack.contents.encode()
    let sealedLength = frame.count + BlockCipher.tagLength
    let total = pack.used + sealedLength + PackFooter.byteCount
    guard total <= pack.buffer.capacity else {
      throw VarveError(.io, "a pack's trailer of \(sealedLength) bytes does not fit its buffer")
    }
    try frame.withUnsafeBytes {
      try cipher.seal(
        $0, ordinal: BlockBinding.trailerOrdinal,
        into: UnsafeMutableRawBufferPointer(
          rebasing: pack.buffer.bytes[pack.used..<pack.used + sealedLength]))
    }
    let footer = PackFooter(
      trailerLength: UInt32(sealedLength), blockCount: UInt32(pack.contents.blocks.count))
    UnsafeMutableRawBufferPointer(rebasing: pack.buffer.bytes[(pack.used + sealedLength)..<total])
      .copyBytes(from: footer.encode())
    let bytes = UnsafeRawBufferPointer(start: pack.buffer.base, count: total)
    if verifies { try sealer.verify(bytes, against: pack.contents, cipher: cipher) }
    let name = SHA256.digest(bytes)
    try storage.put(ObjectName.pack(name), bytes)
    sealer.forget(pack)
    let stored = StoredPack(
      name: name, size: UInt64(total), type: type, contents: pack.contents)
    state.withLock { $0.free.append(pack.buffer) }
    try onStored(stored)
  }
}
