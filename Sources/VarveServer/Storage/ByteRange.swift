/// A range of bytes that is asked for (RFC 9110, section 14.1.2).
enum ByteRange: Equatable {
  case whole
  case part(Range<UInt64>)
  case unsatisfiable

  /// - Parameters:
  ///   - header: of a request; nil for the whole. What is no single range of bytes is passed over, as the RFC says.
  ///   - size: of the object.
  init(header: String?, size: UInt64) {
    guard let header, header.lowercased().hasPrefix("bytes=") else {
      self = .whole
      return
    }
    let range = header.dropFirst("bytes=".count)
    let ends = range.split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, ends.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } })
    else {
      self = .whole
      return
    }
    // Digits beyond 2^64 are as good as the largest number.
    let numbers = ends.map { $0.isEmpty ? nil : UInt64($0) ?? UInt64.max }
    switch (numbers[0], numbers[1]) {
    case (nil, nil): self = .whole
    case (nil, let last?):
      self = last == 0 || size == 0 ? .unsatisfiable : .part(size - min(last, size)..<size)
    case (let first?, let last):
      if let last, last < first {
        self = .whole
      } else if first >= size {
        self = .unsatisfiable
      } else {
        self = .part(first..<min(last ?? UInt64.max, size - 1) + 1)
      }
    }
  }
}
