import Glibc
import VarveFormat

/// Text files that hold one item a line; what is not Unicode text passes through as raw bytes.
package enum ListFile {
  /// The largest file of names or patterns that is read: 10^6 paths of a kilobyte.
  static let byteLimit = 1 << 30

  /// The bytes of the file at `path` (`-` is standard input): a UTF-8 byte order mark is dropped,
  /// UTF-16 with a mark is converted.
  static func text(at path: [UInt8]) throws -> [UInt8] {
    decoded(try contents(at: path))
  }

  /// The bytes of the file at `path` as they are.
  package static func contents(at path: [UInt8]) throws -> [UInt8] {
    if path == [UInt8(ascii: "-")] { return try contents(of: 0, name: "standard input") }
    let name = EscapedBytes.text(path)
    let file = open(path.map { CChar(bitPattern: $0) } + [0], O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw failure(name) }
    defer { close(file) }
    return try contents(of: file, name: name)
  }

  private static func contents(of file: Int32, name: String) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(file, &buffer, buffer.count)
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EINTR { continue }
        throw failure(name)
      }
      bytes.append(contentsOf: buffer[..<count])
      guard bytes.count <= byteLimit else {
        throw VarveError(.usage, "\(name) is larger than 1 GiB", hint: "give a list of names")
      }
    }
  }

  private static func failure(_ name: String) -> VarveError {
    VarveError(.io, "cannot read \(name): \(String(cString: strerror(errno)))")
  }

  private static func decoded(_ bytes: [UInt8]) -> [UInt8] {
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { return Array(bytes.dropFirst(3)) }
    let bigEndian = bytes.starts(with: [0xfe, 0xff])
    guard bigEndian || bytes.starts(with: [0xff, 0xfe]) else { return bytes }
    let units = stride(from: 2, to: bytes.count - 1, by: 2).map { index in
      let high = UInt16(bytes[bigEndian ? index : index + 1])
      return high << 8 | UInt16(bytes[bigEndian ? index + 1 : index])
    }
    return Array(String(decoding: units, as: UTF16.self).utf8)
  }

  /// The lines without their ends (`\n` or `\r\n`).
  static func lines(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let complete = text.isEmpty || text.last == UInt8(ascii: "\n") ? lines.dropLast() : lines[...]
    return complete.map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
  }

  /// `line` without the Unicode white space around it.
  static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var line = line
    while let count = leadingSpace(line) { line = line.dropFirst(count) }
    while let count = trailingSpace(line) { line = line.dropLast(count) }
    return line
  }

  private static func leadingSpace(_ line: ArraySlice<UInt8>) -> Int? {
    guard !line.isEmpty else { return nil }
    let scalar = line.withUnsafeBytes { UTF8Scalar(at: 0, in: $0) }
    return isSpace(scalar) ? scalar.byteCount : nil
  }

  private static func trailingSpace(_ line: ArraySlice<UInt8>) -> Int? {
    for count in 1...3 where count <= line.count {
      let scalar = line.suffix(count).withUnsafeBytes { UTF8Scalar(at: 0, in: $0) }
      if scalar.byteCount == count && isSpace(scalar) { return count }
    }
    return nil
  }

  private static func isSpace(_ scalar: UTF8Scalar) -> Bool {
    guard scalar.isValid, let unicode = Unicode.Scalar(scalar.value) else { return false }
    return unicode.properties.isWhitespace
  }
}
