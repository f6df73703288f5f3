internal import CVarveLinux
import Glibc
internal import VarveCrypto
package import VarveFormat

/// One directory of a change cache, in memory.
///
/// Up to 1 MiB (about 6,000 entries) a record is a copy. A longer one is mapped, and whoever goes through it
/// drops the pages behind it: a directory of 10^6 entries has a record of 170 MB, of which 4 MB are
/// resident at a time.
package final class CachedDirectory: @unchecked Sendable {
  private static let copyLimit = 1 << 20
  /// Nine records in ten fit into this, which then are one `pread`.
  private static let firstRead = 4_096
  /// Entries after which pages are worth dropping: 320 KiB of signatures, and the bodies.
  static let releaseStep = 4_096

  let offset: UInt64
  let length: Int
  let node: NodeReference
  /// Whether the directory was still in work: the node has not all of its entries, nor of the record's.
  let isPartial: Bool
  let entries: CachedEntries
  private let memory: UnsafeMutableRawPointer
  /// Bytes of `memory` that are mapped; 0 when it was allocated.
  private let mappedLength: Int

  package var count: Int { entries.count }

  /// - Parameters:
  ///   - descriptor: of the records file.
  ///   - limit: how much of the file belongs to the cache from `offset` on.
  /// - Returns: nil unless there is an intact record.
  package init?(_ descriptor: Int32, offset: UInt64, limit: UInt64) {
    let first = Int(min(limit, UInt64(Self.firstRead)))
    guard first >= ChangeCacheFormat.recordHeaderLength,
      var memory = malloc(first)
    else { return nil }
    var mappedLength = 0
    var record: UnsafeRawBufferPointer?
    defer { if record == nil { Self.release(memory, mappedLength) } }
    guard Self.read(descriptor, memory, first, at: offset) else { return nil }
    let header = RecordHeader(memory)
    guard UInt64(header.length) <= limit, header.isConsistent else { return nil }
    var base = UnsafeRawPointer(memory)
    if header.length > Self.copyLimit {
      let lead = Int(offset % 4_096)
      guard
        let mapping = mmap(
          nil, header.length + lead, PROT_READ, MAP_SHARED, descriptor, off_t(offset) - off_t(lead)),
        mapping != MAP_FAILED
      else { return nil }
      free(memory)
      (memory, mappedLength) = (mapping, header.length + lead)
      base = UnsafeRawPointer(mapping) + lead
    } else if header.length > first {
      guard let grown = realloc(memory, header.length) else { return nil }
      memory = grown
      base = UnsafeRawPointer(grown)
      guard
        Self.read(descriptor, grown + first, header.length - first, at: offset + UInt64(first))
      else { return nil }
    }
    let bytes = UnsafeRawBufferPointer(start: base, count: header.length)
    guard Self.check(bytes, isMapped: mappedLength > 0) == header.check else { return nil }
    record = bytes
    self.offset = offset
    self.memory = memory
    self.mappedLength = mappedLength
    length = header.length
    node = header.node
    isPartial = header.flags & ChangeCacheFormat.partial != 0
    entries = CachedEntries(bytes, count: header.count, bodiesLength: header.bodiesLength)
  }

  deinit { Self.release(memory, mappedLength) }

  /// The entry's signature, body, leaf hash and, for a directory, its record; nil when out of bounds.
  package func entry(_ index: Int) -> CachedEntry? { entries[index] }

  /// Says that these entries are not needed for a while.
  func release(_ range: Range<Int>) {
    guard mappedLength > 0, !range.isEmpty, let first = entries[range.lowerBound] else { return }
    let last = entries[range.upperBound - 1]
    let signatures = entries.signatures(range)
    Self.drop(signatures.baseAddress, signatures.count)
    if let start = first.body.baseAddress, let last, let end = last.body.baseAddress {
      Self.drop(start, end + last.body.count - start)
    }
  }

  private static func release(_ memory: UnsafeMutableRawPointer, _ mappedLength: Int) {
    if mappedLength > 0 { munmap(memory, mappedLength) } else { free(memory) }
  }

  /// Drops whole pages of the mapping; what is read again comes from the page cache.
  private static func drop(_ start: UnsafeRawPointer?, _ count: Int) {
    guard let start, count > 0 else { return }
    let first = Int(bitPattern: start) & ~4_095
    let end = (Int(bitPattern: start) + count) & ~4_095
    guard end > first else { return }
    madvise(UnsafeMutableRawPointer(bitPattern: first), end - first, MADV_DONTNEED)
  }

  private static func read(
    _ descriptor: Int32, _ target: UnsafeMutableRawPointer, _ count: Int, at offset: UInt64
  ) -> Bool {
    var done = 0
    while done < count {
      let got = varve_pread(descriptor, target + done, count - done, Int64(offset) + Int64(done))
      if got <= 0 { return false }
      done += got
    }
    return true
  }

  private static func check(_ record: UnsafeRawBufferPointer, isMapped: Bool) -> UInt64 {
    guard isMapped else { return ChangeCacheCheck.of(record) }
    let hash = SHA256Stream()
    hash.update(UnsafeRawBufferPointer(rebasing: record[..<ChangeCacheFormat.checkOffset]))
    var start = ChangeCacheFormat.recordHeaderLength
    while start < record.count {
      let end = min(record.count, start + copyLimit)
      let piece = UnsafeRawBufferPointer(rebasing: record[start..<end])
      hash.update(piece)
      drop(piece.baseAddress, piece.count)
      start = end
    }
    return hash.finish().prefix64
  }

  /// The first 96 bytes of a record.
  private struct RecordHeader {
    let length, count, bodiesLength: Int
    let flags: UInt32
    let node: NodeReference
    let check: UInt64

    init(_ base: UnsafeMutableRawPointer) {
      func field(_ at: Int) -> Int {
        Int(UInt32(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
      }
      func word(_ at: Int) -> UInt64 {
        UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      }
      length = field(0)
      count = field(4)
      bodiesLength = field(8)
      flags = UInt32(truncatingIfNeeded: field(12))
      node = NodeReference(
        id: Digest(loading: base + 16), root: Digest(loading: base + 48), count: word(80))
      check = word(ChangeCacheFormat.checkOffset)
    }

    var isConsistent: Bool {
      length == ChangeCacheFormat.recordHeaderLength + count * ChangeCacheFormat.signatureLength
        + bodiesLength
    }
  }
}

/// The entries of a cached directory; borrowed from it, so that a pass over them counts no references.
struct CachedEntries {
  let count: Int
  private let base: UnsafeRawPointer
  private let bodiesLength: Int

  /// - Parameter record: long enough for both counts.
  fileprivate init(_ record: UnsafeRawBufferPointer, count: Int, bodiesLength: Int) {
    base = record.baseAddress! + ChangeCacheFormat.recordHeaderLength
    self.count = count
    self.bodiesLength = bodiesLength
  }

  subscript(index: Int) -> CachedEntry? {
    guard index >= 0 && index < count else { return nil }
    let at = base + index * ChangeCacheFormat.signatureLength
    func word(_ offset: Int) -> UInt64 {
      UInt64(littleEndian: at.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    let place = word(32)
    let bodyOffset = Int(place & 0xffff_ffff)
    let bodyLength = Int(place >> 32)
    guard bodyOffset + bodyLength <= bodiesLength else { return nil }
    let bodies = base + count * ChangeCacheFormat.signatureLength
    return CachedEntry(
      signature: FileSignature(
        inode: word(0), changed: Int64(bitPattern: word(8)), modified: Int64(bitPattern: word(16)),
        size: word(24)),
      body: UnsafeRawBufferPointer(start: bodies + bodyOffset, count: bodyLength),
      childField: word(40), leafBytes: at + 48)
  }

  /// The bytes of these entries' signatures; `range` must be within the count.
  fileprivate func signatures(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: base + range.lowerBound * ChangeCacheFormat.signatureLength,
      count: range.count * ChangeCacheFormat.signatureLength)
  }
}

/// One entry of a cached directory; valid as long as it is.
package struct CachedEntry {
  let signature: FileSignature
  package let body: UnsafeRawBufferPointer
  /// `child` as the record has it.
  let childField: UInt64
  fileprivate let leafBytes: UnsafeRawPointer

  package var leaf: Digest { Digest(loading: leafBytes) }

  /// Offset of a subdirectory's own record, or `ChangeCacheFormat.noRecord`.
  var child: UInt64 { childField & ~ChangeCacheFormat.carriedOver }

  /// Whether the entry is not in the snapshot of the cache but in a base of it.
  var isCarriedOver: Bool { childField & ChangeCacheFormat.carriedOver != 0 }
}

/// Finds names in a cached directory, asked in ascending order: a merge, not a search.
///
/// Borrows the directory, which must outlive it.
package struct CacheCursor {
  private let entries: CachedEntries?
  private var next = 0
  /// Where the last entry found is.
  private(set) var index = -1

  package init(_ directory: CachedDirectory?) { entries = directory?.entries }

  package mutating func find(_ name: UnsafeRawBufferPointer) -> CachedEntry? {
    guard let entries else { return nil }
    while let entry = entries[next] {
      guard let known = CacheCursor.name(of: entry.body) else { return nil }
      if name.count == known.count, let a = name.baseAddress, let b = known.baseAddress,
        memcmp(a, b, name.count) == 0
      {
        index = next
        next += 1
        return entry
      }
      if EntryName.precedes(name, known) { return nil }
      next += 1
    }
    return nil
  }

  /// The name with which a body begins.
  static func name(of body: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    var reader = ByteReader(body, "change cache")
    guard let name = try? reader.lengthPrefixed(limit: TreeLimits.nameByteCount), !name.isEmpty
    else { return nil }
    return name
  }
}
