import CVarveLinux
import Glibc
import VarveCrypto
import VarveFormat
import VarveRepository

/// Reads a file of the target and compares it with what the snapshot says. One per thread.
final class ExistingContent {
  private var buffer: ReusableBuffer

  init() throws { buffer = try ReusableBuffer(capacity: 1 << 20) }

  /// The bytes in a chunk's place in an open file, if they are the chunk's; valid until the next call.
  ///
  /// - Throws: `.io` when there is no memory for them.
  func chunk(
    _ address: Digest, length: Int, at dataOffset: UInt64, layout: DataLayout?, in file: Int32
  ) throws -> UnsafeRawBufferPointer? {
    if buffer.capacity < length { buffer = try ReusableBuffer(capacity: length) }
    var isComplete = true
    func read(_ offset: UInt64, _ range: Range<Int>) {
      var done = range.lowerBound
      while isComplete, done < range.upperBound {
        let count = varve_pread(
          file, buffer.base + done, range.upperBound - done,
          Int64(offset) + Int64(done - range.lowerBound))
        isComplete = count > 0
        done += max(count, 0)
      }
    }
    if let layout {
      layout.forEachPiece(at: dataOffset, length: length, read)
    } else {
      read(dataOffset, 0..<length)
    }
    let bytes = UnsafeRawBufferPointer(start: buffer.base, count: length)
    return isComplete && SHA256.digest(bytes) == address ? bytes : nil
  }

  /// Whether an open file reads as zeros wherever `holes` are.
  func isZero(_ holes: [Hole], in file: Int32) -> Bool {
    for hole in holes {
      var position = Int64(hole.offset)
      let end = Int64(hole.end)
      while position < end {
        let data = varve_seek_data(file, position)
        // Nothing stored from here on; or the file system cannot tell, and all is read.
        if data == -Int64(ENXIO) { break }
        position = data >= 0 ? max(data, position) : position
        guard position < end else { break }
        let count = varve_pread(
          file, buffer.base, min(buffer.capacity, Int(end - position)), position)
        guard count > 0,
          ZeroRuns.isZero(UnsafeRawBufferPointer(start: buffer.base, count: count))
        else { return false }
        position += Int64(count)
      }
    }
    return true
  }
}
