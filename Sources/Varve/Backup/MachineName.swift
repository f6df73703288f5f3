import Glibc

/// What this machine calls itself: arbitrary bytes.
package enum MachineName {
  package static func bytes() -> [UInt8] {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard gethostname(buffer.baseAddress!, buffer.count - 1) == 0 else {
        return Array("localhost".utf8)
      }
      buffer[buffer.count - 1] = 0
      return Array(
        UnsafeRawBufferPointer(start: buffer.baseAddress, count: strlen(buffer.baseAddress!)))
    }
  }
}
