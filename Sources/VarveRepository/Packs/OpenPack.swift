internal import VarveCrypto
internal import VarveFormat

/// A pack that is being filled by several threads.
///
/// A thread reserves an ordinal and a range under the writer's lock, then seals its block into that
/// range outside the lock. The last one to finish with a closed pack completes it.
final class OpenPack: @unchecked Sendable {
  let buffer: ReusableBuffer
  let key: SecretBytes
  let type: PackType
  /// What the pack holds so far, in the order of its blocks.
  var contents = PackTrailer()
  var used = PackHeader.byteCount
  var sealing = 0
  var closed = false

  init(recipient: PackRecipient, type: PackType, buffer: ReusableBuffer) throws {
    self.buffer = buffer
    let new = try recipient.makeContentKey(type)
    key = new.key.copy()
    self.type = type
    buffer.bytes.copyBytes(from: new.header.encode())
  }

  /// What is in the pack so far: all of it, once it is complete.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: buffer.base, count: used) }

  /// Takes the next ordinal and the room for a sealed block of `length` bytes.
  func reserve(
    _ length: Int, slots: UnsafeBufferPointer<PackTrailer.Slot>
  ) -> (ordinal: UInt32, offset: Int) {
    let place = (UInt32(contents.blocks.count), used)
    for slot in slots { contents.append(slot) }
    contents.endBlock(storedLength: UInt32(length))
    used += length
    sealing += 1
    return place
  }
}
