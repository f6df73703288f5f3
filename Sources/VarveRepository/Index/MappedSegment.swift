import Glibc
package import VarveFormat

/// The plaintext of an index segment in memory: mapped from the local cache, or held when there is none.
package final class MappedSegment: Sendable {
  package let view: IndexSegmentView
  /// The segment's name, where it is known.
  package let name: Digest?
  /// The file in the cache.
  let path: String?
  let mapping: MappedBytes

  private init(_ mapping: MappedBytes, name: Digest?, path: String? = nil) throws {
    self.mapping = mapping
    self.name = name
    self.path = path
    view = try IndexSegmentView(mapping.bytes)
  }

  /// The plaintext; valid as long as this object.
  package var bytes: UnsafeRawBufferPointer { mapping.bytes }

  /// Maps a whole file for reading.
  ///
  /// - Throws: `.io` when it cannot be opened, `.damaged` when it is not a segment.
  package static func map(path: String, name: Digest? = nil) throws -> MappedSegment {
    try MappedSegment(MappedBytes.map(path: path), name: name, path: path)
  }

  /// Maps a file that is open; `path` is the name that it has in the cache.
  static func map(_ descriptor: Int32, name: Digest, path: String?) throws -> MappedSegment {
    try MappedSegment(
      MappedBytes.map(descriptor, path ?? ObjectName.index(name)), name: name, path: path)
  }

  /// Takes a copy of bytes that are in memory.
  package static func copying(
    _ bytes: UnsafeRawBufferPointer, name: Digest? = nil
  ) throws -> MappedSegment {
    let segment = UnfinishedSegment()
    try segment.append(total: UInt64(bytes.count), bytes)
    return try segment.finish(name: name)
  }

  /// A segment whose plaintext arrives in stretches and stays in anonymous memory.
  package final class UnfinishedSegment {
    private var base: UnsafeMutableRawPointer?
    private var length = 0
    private var used = 0

    package init() {}

    deinit { if let base { munmap(base, length) } }

    package func append(total: UInt64, _ bytes: UnsafeRawBufferPointer) throws {
      if base == nil {
        length = max(1, Int(clamping: total))
        let mapped = mmap(
          nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapped, mapped != MAP_FAILED else {
          throw VarveError(.io, "cannot map \(length) bytes of memory for the index")
        }
        base = mapped
      }
      guard let base, let source = bytes.baseAddress, bytes.count <= length - used else {
        throw VarveError(.damaged, "an index segment is longer than it says")
      }
      (base + used).copyMemory(from: source, byteCount: bytes.count)
      used += bytes.count
    }

    package func finish(name: Digest? = nil) throws -> MappedSegment {
      guard let base, used == length else {
        throw VarveError(.damaged, "an index segment is shorter than it says")
      }
      self.base = nil
      return try MappedSegment(MappedBytes(taking: base, length: length), name: name)
    }
  }
}
