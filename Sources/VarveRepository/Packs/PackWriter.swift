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
/// completed while one more is open and one waits, so the buffers are bounded by (threads + 2) × pack size, and one more
/// for each upload that is under way (UploadQueue.swift).
///
/// Each block is verified as soon as it lies sealed in its pack, while what it was made from is still
/// there and all of it is in the processor's cache: it is opened, decompressed and compared with its payload.
/// A comparison costs a tenth of a second hash of every chunk.
package final class PackWriter: Sendable {
  /// Slots after which a pack is closed, so that its trailer stays under 10 MiB.
  static let slotLimit = 1 << 18

  private struct State {
    var current: OpenPack?
    /// Complete, and waiting for another one.
    var unnamed: OpenPack?
    var free: [ReusableBuffer] = []
  }

  private let type: PackType
  private let recipient: PackRecipient
  private let storage: any StorageBackend
  private let uploads: UploadQueue
  private let packSize: Int
  private let verifies: Bool
  private let willStore: @Sendable () throws -> Void
  private let onStored: @Sendable (StoredPack) throws -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - uploads: where packs wait to be stored.
  ///   - packSize: bytes after which a pack is closed.
  ///   - verifies: decode each block from its pack's memory and compare before the pack is stored.
  ///   - willStore: called before a pack is stored, on the thread that stores it.
  ///   - onStored: called after a pack is durable, on the thread that stored it.
  package init(
    type: PackType, recipient: PackRecipient, storage: any StorageBackend,
    uploads: UploadQueue, packSize: Int, verifies: Bool,
    willStore: @escaping @Sendable () throws -> Void = {},
    onStored: @escaping @Sendable (StoredPack) throws -> Void
  ) {
    self.type = type
    self.recipient = recipient
    self.storage = storage
    self.uploads = uploads
    self.packSize = packSize
    self.verifies = verifies
    self.willStore = willStore
    self.onStored = onStored
  }

  /// Seals `frame` into the open pack; stores the pack when it is full.
  ///
  /// - Parameter payload: what `frame` decodes to.
  /// - Throws: `.damaged` when what was sealed does not decode to it.
  package func append(
    frame: UnsafeRawBufferPointer, of payload: UnsafeRawBufferPointer,
    slots: UnsafeBufferPointer<PackTrailer.Slot>,
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
    let cipher = try sealer.cipher(of: pack, repository: recipient.repository)
    try cipher.seal(frame, ordinal: place.ordinal, into: target)
    if verifies {
      try sealer.verify(
        UnsafeRawBufferPointer(target), ordinal: place.ordinal, cipher: cipher, decodesTo: payload)
    }
    let complete = state.withLock { _ in
      pack.sealing -= 1
      return pack.closed && pack.sealing == 0
    }
    if complete { try store(pack, by: sealer) }
  }

  /// Stores what is left: the open pack, and one that waits. All are durable on return. No other thread may be appending meanwhile; what is
  /// appended afterwards goes into new packs.
  package func finish(by sealer: PackSealer) throws {
    let pack = state.withLock { state in
      defer { state.current = nil }
      state.current?.closed = true
      return state.current
    }
    if let pack { try store(pack, by: sealer) }
    let unnamed = state.withLock { state in
      defer { state.unnamed = nil }
      return state.unnamed
    }
    if let unnamed { try put(unnamed, SHA256.digest(unnamed.bytes)) }
    try uploads.finish()
  }

  private func takeBuffer(_ state: inout State) throws -> ReusableBuffer {
    if let buffer = state.free.popLast() { return buffer }
    // Room for the last block, which may start just below the limit, and for the trailer.
    return try ReusableBuffer(capacity: packSize + PackLimits.storedBlockByteCount + (16 << 20))
  }

  /// Completes a pack and stores it, or lets it wait for the next one: their names are hashed side by side.
  private func store(_ pack: OpenPack, by sealer: PackSealer) throws {
    try complete(pack, by: sealer)
    let other = state.withLock { state -> OpenPack? in
      if let unnamed = state.unnamed {
        state.unnamed = nil
        return unnamed
      }
      state.unnamed = pack
      return nil
    }
    guard let other else { return }
    let names = SHA256Pair.digests(other.bytes, pack.bytes)
    try put(other, names.0)
    try put(pack, names.1)
  }

  /// Writes the trailer and the footer.
  private func complete(_ pack: OpenPack, by sealer: PackSealer) throws {
    let cipher = try sealer.cipher(of: pack, repository: recipient.repository)
    let trailer = pack.contents.encode()
    let frame = [FrameCodec.raw.rawValue] + trailer
    let sealedLength = frame.count + BlockCipher.tagLength
    let total = pack.used + sealedLength + PackFooter.byteCount
    guard total <= pack.buffer.capacity else {
      throw VarveError(.io, "a pack's trailer of \(sealedLength) bytes does not fit its buffer")
    }
    let target = UnsafeMutableRawBufferPointer(
      rebasing: pack.buffer.bytes[pack.used..<pack.used + sealedLength])
    try frame.withUnsafeBytes {
      try cipher.seal($0, ordinal: BlockBinding.trailerOrdinal, into: target)
    }
    if verifies {
      try trailer.withUnsafeBytes {
        try sealer.verify(
          UnsafeRawBufferPointer(target), ordinal: BlockBinding.trailerOrdinal, cipher: cipher,
          decodesTo: $0)
      }
    }
    sealer.forget(pack)
    let footer = PackFooter(
      trailerLength: UInt32(sealedLength), blockCount: UInt32(pack.contents.blocks.count))
    UnsafeMutableRawBufferPointer(rebasing: pack.buffer.bytes[(pack.used + sealedLength)..<total])
      .copyBytes(from: footer.encode())
    pack.used = total
  }

  private func put(_ pack: OpenPack, _ name: Digest) throws {
    try uploads.add { [self] in
      try willStore()
      try storage.put(ObjectName.pack(name), pack.bytes)
      let stored = StoredPack(
        name: name, size: UInt64(pack.used), type: type, contents: pack.contents)
      state.withLock { $0.free.append(pack.buffer) }
      try onStored(stored)
    }
  }
}
