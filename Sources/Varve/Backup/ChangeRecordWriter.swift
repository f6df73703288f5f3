internal import VarveCrypto
internal import VarveFormat
internal import VarveRepository

/// Writes one record of the change cache (format: ChangeCacheFormat.swift): the signatures of all entries,
/// then their bodies.
///
/// A record of up to 1 MiB is gathered and appended whole. A longer one, of a directory of 6,000 entries and more, goes
/// to the file in pieces of that size, its header at the end.
struct ChangeRecordWriter: ~Copyable {
  /// The longest record: its length has 32 bits.
  static let limit = Int(UInt32.max)

  private let file: ChangeRecordFile
  private let header: [UInt8]
  /// Where the record was given room, when it is written in pieces.
  private let place: UInt64?
  private let hash: SHA256Stream?
  private var position: UInt64
  private var pending: ByteWriter
  private var bodyOffset: UInt32 = 0

  /// - Parameters:
  ///   - count: of entries that will be added.
  ///   - bodiesLength: of all their bodies; the record must not be longer than `limit`.
  ///   - isPartial: whether the directory is still in work.
  init(
    _ file: ChangeRecordFile, count: Int, bodiesLength: Int, node: NodeReference,
    isPartial: Bool = false
  ) {
    self.file = file
    let length = Self.length(count: count, bodiesLength: bodiesLength)
    var header = ByteWriter(reservingCapacity: ChangeCacheFormat.recordHeaderLength)
    header.u32(UInt32(truncatingIfNeeded: length))
    header.u32(UInt32(truncatingIfNeeded: count))
    header.u32(UInt32(truncatingIfNeeded: bodiesLength))
    header.u32(isPartial ? ChangeCacheFormat.partial : 0)
    header.digest(node.id)
    header.digest(node.root)
    header.u64(node.count)
    if length > ChangeRecordFile.bufferLength {
      let hash = SHA256Stream()
      header.bytes.withUnsafeBytes { hash.update($0) }
      let place = file.reserve(length)
      (self.hash, self.place) = (hash, place)
      position = place + UInt64(ChangeCacheFormat.recordHeaderLength)
      pending = ByteWriter(reservingCapacity: ChangeRecordFile.bufferLength + 4_096)
      self.header = header.bytes
    } else {
      (hash, place, position) = (nil, nil, 0)
      pending = ByteWriter(reservingCapacity: length)
      pending.raw(header.bytes)
      pending.u64(0)
      self.header = []
    }
  }

  /// Bytes of a record.
  static func length(count: Int, bodiesLength: Int) -> Int {
    ChangeCacheFormat.recordHeaderLength + count * ChangeCacheFormat.signatureLength + bodiesLength
  }

  /// Adds the next entry's signature.
  mutating func add(_ signature: FileSignature, bodyLength: Int, child: UInt64, leaf: Digest) {
    withUnsafeTemporaryAllocation(
      byteCount: ChangeCacheFormat.signatureLength, alignment: 8
    ) { buffer in
      let start = buffer.baseAddress!
      func put(_ value: UInt64, _ offset: Int) {
        start.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt64.self)
      }
      put(signature.inode, 0)
      put(UInt64(bitPattern: signature.changed), 8)
      put(UInt64(bitPattern: signature.modified), 16)
      put(signature.size, 24)
      put(UInt64(bodyOffset) | UInt64(bodyLength) << 32, 32)
      put(child, 40)
      leaf.store(to: start + 48)
      pending.raw(UnsafeRawBufferPointer(buffer))
    }
    bodyOffset &+= UInt32(truncatingIfNeeded: bodyLength)
    flushIfLong()
  }

  /// Adds the next entry's body; after all signatures.
  mutating func add(_ body: UnsafeRawBufferPointer) {
    pending.raw(body)
    flushIfLong()
  }

  /// Completes the record.
  ///
  /// - Returns: its offset in the file.
  consuming func finish() -> UInt64 {
    guard let place, let hash else {
      pending.bytes.withUnsafeMutableBytes { bytes in
        let check = ChangeCacheCheck.of(UnsafeRawBufferPointer(bytes))
        bytes.storeBytes(
          of: check.littleEndian, toByteOffset: ChangeCacheFormat.checkOffset, as: UInt64.self)
      }
      return file.append(pending.bytes)
    }
    flush(hash)
    var complete = ByteWriter(reservingCapacity: ChangeCacheFormat.recordHeaderLength)
    complete.raw(header)
    complete.u64(hash.finish().prefix64)
    file.write(complete.bytes, at: place)
    return place
  }

  private mutating func flushIfLong() {
    if let hash, pending.bytes.count >= ChangeRecordFile.bufferLength { flush(hash) }
  }

  private mutating func flush(_ hash: SHA256Stream) {
    pending.bytes.withUnsafeBytes { hash.update($0) }
    file.write(pending.bytes, at: position)
    position += UInt64(pending.bytes.count)
    pending.bytes.removeAll(keepingCapacity: true)
  }
}
