import CVarveLinux
import Glibc

/// The entries of one directory, sorted by the bytes of their names.
///
/// Names lie one after another in one buffer, each ended by NUL; an entry takes 24 bytes besides, so
/// a directory of 10^6 names of 20 bytes takes 45 MB (and 12 MB more while it is sorted). Buffers
/// are kept from one `load` to the next.
package struct DirectoryListing: ~Copyable {
  private struct Entry {
    /// The first eight bytes of the name, big-endian: nearly every comparison ends here.
    var prefix: UInt64
    var offset: Int
    var length: UInt16
    var type: UInt8
  }

  private var names = UnsafeMutableRawPointer.allocate(byteCount: 4_096, alignment: 8)
  private var nameCapacity = 4_096
  private var nameBytes = 0
  private var entries = UnsafeMutablePointer<Entry>.allocate(capacity: 128)
  private var entryCapacity = 128

  /// The most entries that a directory may have, so that 32 bits hold an index.
  package static let limit = Int(Int32.max)

  /// The number of entries, `.` and `..` excepted.
  package private(set) var count = 0

  package init() {}

  deinit {
    names.deallocate()
    entries.deallocate()
  }

  /// Reads the directory, which must be open for reading and not have been read from before.
  ///
  /// O(n log n). Names that a tree cannot hold (longer than 4,096 bytes, or with a slash, which only
  /// a broken file system gives) count as `EIO`, more than `limit` entries as `EOVERFLOW`.
  ///
  /// - Returns: 0, or an error number; the listing is then empty.
  package mutating func load(_ directory: Int32) -> Int32 {
    count = 0
    nameBytes = 0
    let size = 64 << 10
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
    defer { buffer.deallocate() }
    while true {
      let filled = varve_getdents(directory, buffer, size)
      guard filled > 0 else {
        if filled < 0 { count = 0 }
        sort()
        return Int32(-filled)
      }
      guard append(UnsafeRawBufferPointer(start: buffer, count: filled)) else {
        count = 0
        return EIO
      }
      guard count <= Self.limit else {
        count = 0
        return EOVERFLOW
      }
    }
  }

  /// The name of entry `index`, ended by NUL; valid until the next `load`.
  package func name(_ index: Int) -> UnsafePointer<CChar> {
    UnsafePointer((names + entries[index].offset).assumingMemoryBound(to: CChar.self))
  }

  /// The bytes of the name of entry `index`, without NUL; valid until the next `load`.
  package func bytes(_ index: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: names + entries[index].offset, count: Int(entries[index].length))
  }

  /// What the directory says about the type of entry `index`: a `DT_` constant, often `DT_UNKNOWN`.
  package func type(_ index: Int) -> UInt8 { entries[index].type }

  private mutating func append(_ records: UnsafeRawBufferPointer) -> Bool {
    let headerSize = 19
    var position = 0
    while position < records.count {
      let record = records.baseAddress! + position
      let entry = record.assumingMemoryBound(to: varve_directory_entry.self).pointee
      let recordLength = Int(entry.record_length)
      guard recordLength > headerSize, recordLength <= records.count - position else {
        return false
      }
      let name = record + headerSize
      let length = strnlen(name.assumingMemoryBound(to: CChar.self), recordLength - headerSize)
      position += recordLength
      if isDots(name, length) { continue }
      guard length > 0, length <= 4_096, memchr(name, 0x2f, length) == nil else { return false }
      append(name, length, entry.type)
    }
    return true
  }

  private func isDots(_ name: UnsafeRawPointer, _ length: Int) -> Bool {
    (length == 1 || length == 2) && name.load(as: UInt8.self) == 0x2e
      && (name + length - 1).load(as: UInt8.self) == 0x2e
  }

  private mutating func append(_ name: UnsafeRawPointer, _ length: Int, _ type: UInt8) {
    // Eight bytes of slack, so that a prefix can be loaded whole.
    if nameBytes + length + 8 > nameCapacity {
      let capacity = nameCapacity * 2
      let grown = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
      grown.copyMemory(from: names, byteCount: nameBytes)
      names.deallocate()
      names = grown
      nameCapacity = capacity
    }
    if count == entryCapacity {
      let grown = UnsafeMutablePointer<Entry>.allocate(capacity: entryCapacity * 2)
      grown.moveInitialize(from: entries, count: count)
      entries.deallocate()
      entries = grown
      entryCapacity *= 2
    }
    let destination = names + nameBytes
    destination.copyMemory(from: name, byteCount: length)
    (destination + length).storeBytes(of: 0, as: UInt64.self)
    let word = UInt64(bigEndian: destination.loadUnaligned(as: UInt64.self))
    let prefix = length >= 8 ? word : word & ~(UInt64.max >> UInt64(8 * length))
    (entries + count).initialize(
      to: Entry(prefix: prefix, offset: nameBytes, length: UInt16(length), type: type))
    count += 1
    nameBytes += length + 1
  }

  private func sort() {
    let names = UnsafeRawPointer(names)
    var loaded = UnsafeMutableBufferPointer(start: entries, count: count)
    loaded.sort { a, b in
      if a.prefix != b.prefix { return a.prefix < b.prefix }
      let order = memcmp(
        names + a.offset, names + b.offset, min(Int(a.length), Int(b.length)))
      return order != 0 ? order < 0 : a.length < b.length
    }
  }
}
