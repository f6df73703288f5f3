import Glibc
import VarveFormat

/// Memory that was mapped for reading, and is given back with the last reference.
///
/// Mapped pages are resident only once they are touched, and the kernel drops those of a file when it needs
/// to: 10^8 rows are 4.7 GB of address space and open at once.
package final class MappedBytes: @unchecked Sendable {
  package let base: UnsafeMutableRawPointer
  package let length: Int
  private let isOfFile: Bool

  /// Takes memory over that belongs to no file.
  package convenience init(taking base: UnsafeMutableRawPointer, length: Int) {
    self.init(taking: base, length: length, isOfFile: false)
  }

  private init(taking base: UnsafeMutableRawPointer, length: Int, isOfFile: Bool) {
    self.base = base
    self.length = length
    self.isOfFile = isOfFile
  }

  deinit { munmap(base, length) }

  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: length) }

  /// Maps a whole file; it may be unlinked afterwards.
  ///
  /// - Throws: `.io` when it cannot be opened, `.damaged` when it is empty.
  static func map(path: String) throws -> MappedBytes {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else {
      throw VarveError(.io, "cannot open \(path): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    return try map(descriptor, path)
  }

  /// Maps all of an open file, which may be closed afterwards.
  static func map(_ descriptor: Int32, _ path: String) throws -> MappedBytes {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0
    else { throw VarveError(.damaged, "\(path) is empty") }
    let length = Int(status.st_size)
    guard let base = mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0), base != MAP_FAILED
    else { throw VarveError(.io, "cannot map \(path): \(String(cString: strerror(errno)))") }
    madvise(base, length, MADV_RANDOM)
    return MappedBytes(taking: base, length: length, isOfFile: true)
  }

  /// Makes pages of a file not resident; whoever reads them meanwhile or later has them mapped again.
  func dropPages() {
    if isOfFile { madvise(base, length, MADV_DONTNEED) }
  }

  /// Has the kernel read a stretch ahead that is about to be gone through in order.
  func willRead(_ range: Range<Int>) {
    let page = max(1, Int(sysconf(Int32(_SC_PAGESIZE))))
    let start = range.lowerBound / page * page
    guard start < length, range.upperBound > start else { return }
    madvise(base + start, min(range.upperBound, length) - start, MADV_WILLNEED)
  }
}
