import Glibc
internal import VarveFormat

/// A page-aligned stretch of memory that is mapped once and reused.
///
/// Fresh anonymous memory costs a page fault each 4 KiB (about 0.6 GB/s here) while memory that was
/// touched before is read into at 9 GB/s, so every hot buffer is one of these. Capacity that is
/// never touched costs address space only.
package final class ReusableBuffer: @unchecked Sendable {
  package let base: UnsafeMutableRawPointer
  package let capacity: Int

  /// - Parameter capacity: bytes, at least 1.
  /// - Throws: `.io` when the system has no address space left.
  package init(capacity: Int) throws {
    let mapped = mmap(
      nil, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let mapped, mapped != MAP_FAILED else {
      throw VarveError(
        .io, "cannot map \(capacity) bytes of memory: \(String(cString: strerror(errno)))")
    }
    base = mapped
    self.capacity = capacity
  }

  deinit { munmap(base, capacity) }

  /// A buffer of at least `length` bytes: this one, unless it is too short, or longer than `usual` while `length`
  /// is not.
  func fitted(to length: Int, usually usual: Int) throws -> ReusableBuffer {
    if capacity >= length && (capacity <= usual || length > usual) { return self }
    return try ReusableBuffer(capacity: max(length, usual))
  }

  package var bytes: UnsafeMutableRawBufferPointer { .init(start: base, count: capacity) }
}
