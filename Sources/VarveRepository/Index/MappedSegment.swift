import Glibc
package import VarveFormat

/// The plaintext of an index segment in memory: mapped from the local cache, or held when there is none.
///
/// Mapped pages are resident only once they are touched, and the kernel drops them when it needs to:
/// 10^8 rows are 4 GB of address space and open at once.
package final class MappedSegment: @unchecked Sendable {
  package let view: IndexSegmentView
  private let base: UnsafeMutableRawPointer
  private let length: Int

  private init(base: UnsafeMutableRawPointer, length: Int) throws {
    self.base = base
    self.length = length
    do {
      view = try IndexSegmentView(UnsafeRawBufferPointer(start: base, count: length))
    } catch {
      munmap(base, length)
      throw error
    }
  }

  deinit { munmap(base, length) }

  /// The plaintext; valid as long as this object.
  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: length) }

  /// Maps a whole file for reading.
  ///
  /// - Throws: `.io` when it cannot be opened, `.damaged` when it is not a segment.
  package static func map(path: String) throws -> MappedSegment {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else {
      throw VarveError(.io, "cannot open \(path): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_size > 0 else {
      throw VarveError(.damaged, "\(path) is empty")
    }
    let length = Int(status.st_size)
    guard let base = mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0), base != MAP_FAILED
    else { throw VarveError(.io, "cannot map \(path): \(String(cString: strerror(errno)))") }
    madvise(base, length, MADV_RANDOM)
    return try MappedSegment(base: base, length: length)
  }

  /// Takes a copy of bytes that are in memory.
  package static func copying(_ bytes: UnsafeRawBufferPointer) throws -> MappedSegment {
    let segment = UnfinishedSegment()
    try segment.append(total: UInt64(bytes.count), bytes)
    return try segment.finish()
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

    package func finish() throws -> MappedSegment {
      guard let base, used == length else {
        throw VarveError(.damaged, "an index segment is shorter than it says")
      }
      self.base = nil
      return try MappedSegment(base: base, length: length)
    }
  }
}
