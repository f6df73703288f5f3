/// Secret bytes in memory that holds nothing but secrets: never copied by accident, zeroed when their owner lets go.
///
/// The memory is locked and left out of core dumps where the system allows it;
/// either may be refused (RLIMIT_MEMLOCK), which is no error. This is for keys and passwords, not for file
/// content. The bytes do not change once made, so a value may be read from several threads.
public struct SecretBytes: ~Copyable, @unchecked Sendable {
  private let start: UnsafeMutableRawPointer
  /// Bytes in the secret.
  public let count: Int

  /// A secret of `count` bytes that `fill` writes; what it leaves unwritten is zero.
  ///
  /// - Throws: what `fill` throws; the bytes are zeroed all the same.
  public init<Failure: Error>(
    count: Int, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) {
    self.init(zeroes: count)
    try fill(UnsafeMutableRawBufferPointer(start: start, count: count))
  }

  /// A secret of the same bytes; the caller zeroes the original where that matters.
  public init(copying bytes: UnsafeRawBufferPointer) {
    self.init(zeroes: bytes.count)
    UnsafeMutableRawBufferPointer(start: start, count: count).copyMemory(from: bytes)
  }

  /// A secret of the same bytes, of which `bytes` keeps a copy that is not zeroed.
  public init(copying bytes: [UInt8]) {
    self.init(zeroes: bytes.count)
    UnsafeMutableRawBufferPointer(start: start, count: count).copyBytes(from: bytes)
  }

  private init(zeroes count: Int) {
    start = SecretMemory.take(count)
    self.count = count
  }

  deinit { SecretMemory.giveBack(start, count) }

  /// Another owner of the same bytes.
  public borrowing func copy() -> SecretBytes {
    withUnsafeBytes { SecretBytes(copying: $0) }
  }

  /// Lends the bytes to `body`; they are not valid after it.
  public borrowing func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(start: start, count: count))
  }

  /// Whether both hold the same bytes, in a time that depends on their lengths only.
  public borrowing func isEqual(to other: borrowing SecretBytes) -> Bool {
    guard count == other.count else { return false }
    var difference: UInt8 = 0
    for offset in 0..<count {
      difference |=
        start.load(fromByteOffset: offset, as: UInt8.self)
        ^ other.start.load(fromByteOffset: offset, as: UInt8.self)
    }
    return difference == 0
  }
}
