/// Reads the binary formats from untrusted bytes: every access is bounded, nothing traps.
///
/// A reader borrows its bytes; it must not outlive the call in which they are valid.
/// Integers are little-endian; `uvarint` is LEB128 in its shortest form (docs/format.md, Notation).
/// Every failure is `VarveError.Code.damaged`, with `context` naming what was being read.
public struct ByteReader {
  public let bytes: UnsafeRawBufferPointer
  public private(set) var offset = 0
  let context: StaticString

  /// - Parameters:
  ///   - bytes: what to read; borrowed.
  ///   - context: names the structure in errors, such as "pack trailer".
  public init(_ bytes: UnsafeRawBufferPointer, _ context: StaticString) {
    self.bytes = bytes
    self.context = context
  }

  public var remaining: Int { bytes.count - offset }
  public var isAtEnd: Bool { offset == bytes.count }

  public func fail(_ what: String) -> VarveError {
    VarveError(.damaged, "\(context) is damaged: \(what) at byte \(offset)")
  }

  public mutating func u8() throws -> UInt8 { try integer(UInt8.self) }
  public mutating func u16() throws -> UInt16 { try integer(UInt16.self) }
  public mutating func u32() throws -> UInt32 { try integer(UInt32.self) }
  public mutating func u64() throws -> UInt64 { try integer(UInt64.self) }

  private mutating func integer<T: FixedWidthInteger>(_: T.Type) throws -> T {
    let size = MemoryLayout<T>.size
    guard remaining >= size else { throw fail("it ends too early") }
    let value = bytes.loadUnaligned(fromByteOffset: offset, as: T.self)
    offset += size
    return T(littleEndian: value)
  }

  public mutating func digest() throws -> Digest {
    guard remaining >= Digest.byteCount else { throw fail("it ends too early") }
    let value = Digest(loading: bytes.baseAddress! + offset)
    offset += Digest.byteCount
    return value
  }

  /// An unsigned LEB128 integer; an encoding that is longer than needed is refused.
  public mutating func uvarint() throws -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard offset < bytes.count else { throw fail("it ends too early") }
      let byte = bytes[offset]
      offset += 1
      guard shift < 63 || byte <= 1 else { throw fail("an integer overflows") }
      value |= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 {
        guard byte != 0 || shift == 0 else { throw fail("an integer is not in shortest form") }
        return value
      }
      shift += 7
    }
  }

  /// A `uvarint` that must be at most `limit`.
  public mutating func count(limit: Int) throws -> Int {
    let value = try uvarint()
    guard value <= UInt64(limit) else { throw fail("a count of \(value) exceeds \(limit)") }
    return Int(value)
  }

  /// A zig-zag encoded signed integer (0, -1, 1, -2 … as 0, 1, 2, 3 …).
  public mutating func svarint() throws -> Int64 {
    let value = try uvarint()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  /// The next `count` bytes, borrowed.
  public mutating func slice(_ count: Int) throws -> UnsafeRawBufferPointer {
    guard count >= 0, remaining >= count else { throw fail("it ends too early") }
    let slice = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    offset += count
    return slice
  }

  /// A `uvarint` length of at most `limit`, then that many bytes, borrowed.
  public mutating func lengthPrefixed(limit: Int) throws -> UnsafeRawBufferPointer {
    let length = try count(limit: limit)
    return try slice(length)
  }

  public func requireEnd() throws {
    guard isAtEnd else { throw fail("\(remaining) bytes too many") }
  }
}
