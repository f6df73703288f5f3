import Glibc

/// The file mode creation mask of this process, from /proc/self/status: umask(2) tells it only by
/// changing it, for all threads.
///
/// The corresponding C function is `umask`.
package enum FileModeMask {
  /// All bits where it cannot be known.
  package static var current: UInt16 {
    let file = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return 0o7777 }
    defer { close(file) }
    return withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 1) { buffer in
      let count = read(file, buffer.baseAddress, buffer.count)
      guard count > 0 else { return 0o7777 }
      return mask(inStatus: UnsafeRawBufferPointer(rebasing: buffer[..<count])) ?? 0o7777
    }
  }

  /// The octal number in the line `Umask:`.
  package static func mask(inStatus text: UnsafeRawBufferPointer) -> UInt16? {
    for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: "Umask:".utf8) {
      let digits = line.dropFirst("Umask:".utf8.count).drop { $0 == 0x20 || $0 == 0x09 }
      return UInt16(String(decoding: digits, as: UTF8.self), radix: 8)
    }
    return nil
  }
}
