import CVarveLinux
import Glibc
package import VarveFormat

/// An object of a LocalStorage that is open for reading: its bytes stay what they are when another takes its name.
package final class LocalObject: Sendable {
  private let name: String
  private let storage: LocalStorage
  private let descriptor: Int32
  package let size: UInt64
  package let modificationTime: Timestamp

  /// - Throws: `VarveError.Code.usage` for what is no name, `missing`, `damaged` for what is no file, `io`.
  package init(_ name: String, of storage: LocalStorage) throws {
    let file = try storage.open(name)
    self.name = name
    self.storage = storage
    descriptor = file.descriptor
    size = file.status.size
    modificationTime = Timestamp(
      seconds: file.status.modified_seconds, nanoseconds: file.status.modified_nanoseconds)
  }

  deinit { close(descriptor) }

  /// Fills `buffer` from `offset` on.
  ///
  /// - Throws: `VarveError.Code.damaged` when the file is shorter than that, `io`.
  package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    let (end, overflow) = offset.addingReportingOverflow(UInt64(buffer.count))
    guard !overflow, end <= size, let start = Int64(exactly: offset) else {
      throw storage.tooShort(name)
    }
    try storage.fill(buffer, from: descriptor, at: start, name)
  }
}
