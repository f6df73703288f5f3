import Glibc
internal import VarveCrypto
internal import VarveFormat
internal import VarveRepository

/// The change cache as the last backup left it, mapped for reading (format: ChangeCacheFormat.swift).
final class ChangeCache: @unchecked Sendable {
  let head: ChangeCacheHead
  private let bytes: UnsafeRawBufferPointer

  /// - Returns: nil when there is no usable cache.
  init?(files: ChangeCacheFiles) {
    guard let head = ChangeCacheHead.read(files.head) else { return nil }
    let descriptor = open(files.records(head.generation), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, head.length > 0, UInt64(status.st_size) >= head.length
    else { return nil }
    let length = Int(head.length)
    guard let base = mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0), base != MAP_FAILED
    else { return nil }
    self.head = head
    bytes = UnsafeRawBufferPointer(start: base, count: length)
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }

  /// The record at `offset`, or nil when there is none that is intact.
  func record(at offset: UInt64) -> CachedDirectory? {
    guard offset <= head.length,
      head.length - offset >= UInt64(ChangeCacheFormat.recordHeaderLength)
    else { return nil }
    return CachedDirectory(
      UnsafeRawBufferPointer(rebasing: bytes[Int(offset)...]), offset: offset, cache: self)
  }
}

/// One directory of a change cache.
struct CachedDirectory {
  let offset: UInt64
  let node: NodeReference
  let count: Int
  let length: Int
  private let base: UnsafeRawPointer
  private let bodiesLength: Int
  /// Keeps the mapping alive.
  private let cache: ChangeCache

  fileprivate init?(_ bytes: UnsafeRawBufferPointer, offset: UInt64, cache: ChangeCache) {
    guard let base = bytes.baseAddress else { return nil }
    func field(_ at: Int) -> Int {
      Int(UInt32(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
    }
    length = field(0)
    count = field(4)
    bodiesLength = field(8)
    guard
      length == ChangeCacheFormat.recordHeaderLength
        + count * ChangeCacheFormat.signatureLength + bodiesLength, length <= bytes.count
    else { return nil }
    node = NodeReference(
      id: Digest(loading: base + 16), root: Digest(loading: base + 48),
      count: UInt64(littleEndian: base.loadUnaligned(fromByteOffset: 80, as: UInt64.self)))
    let stated = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: 88, as: UInt64.self))
    guard ChangeCacheCheck.of(UnsafeRawBufferPointer(start: base, count: length)) == stated
    else { return nil }
    self.base = base
    self.offset = offset
    self.cache = cache
  }

  /// The entry's signature, body, leaf hash and, for a directory, its record; nil when out of bounds.
  func entry(_ index: Int) -> CachedEntry? {
    guard index >= 0 && index < count else { return nil }
    let at = base + ChangeCacheFormat.recordHeaderLength + index * ChangeCacheFormat.signatureLength
    func word(_ offset: Int) -> UInt64 {
      UInt64(littleEndian: at.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    let place = word(32)
    let bodyOffset = Int(place & 0xffff_ffff)
    let bodyLength = Int(place >> 32)
    guard bodyOffset + bodyLength <= bodiesLength else { return nil }
    let bodies =
      base + ChangeCacheFormat.recordHeaderLength + count * ChangeCacheFormat.signatureLength
    return CachedEntry(
      signature: FileSignature(
        inode: word(0), changed: Int64(bitPattern: word(8)), modified: Int64(bitPattern: word(16)),
        size: word(24)),
      body: UnsafeRawBufferPointer(start: bodies + bodyOffset, count: bodyLength),
      leaf: Digest(loading: at + 48), child: word(40))
  }
}

/// One entry of a cached directory; valid as long as its cache.
struct CachedEntry {
  let signature: FileSignature
  let body: UnsafeRawBufferPointer
  let leaf: Digest
  /// Offset of a subdirectory's own record, or `ChangeCacheFormat.noRecord`.
  let child: UInt64
}

/// The checksum of records and heads.
enum ChangeCacheCheck {
  /// Of a record, whose field at bytes 88 to 96 is left out.
  static func of(_ record: UnsafeRawBufferPointer) -> UInt64 {
    SHA256.digest(
      UnsafeRawBufferPointer(rebasing: record[..<88]),
      UnsafeRawBufferPointer(rebasing: record[96...])
    ).prefix64
  }
}
