/// A SHA-256 digest: the address of a chunk, the name of an object, a hash in a Merkle tree.
///
/// Four machine words, so that a digest is copied, compared and hashed without allocation.
/// The words hold the digest's bytes in order, most significant first, so `<` is `memcmp` order.
/// Source: FIPS 180-4.
public struct Digest: Hashable, Comparable, Sendable {
  /// Bytes in a digest.
  public static let byteCount = 32

  /// The digest of 256 zero bits; no real object has it.
  public static let zero = Digest(0, 0, 0, 0)

  @usableFromInline let w0, w1, w2, w3: UInt64

  @inlinable
  public init(_ w0: UInt64, _ w1: UInt64, _ w2: UInt64, _ w3: UInt64) {
    self.w0 = w0
    self.w1 = w1
    self.w2 = w2
    self.w3 = w3
  }

  /// Reads 32 bytes at `pointer`, which need not be aligned.
  @inlinable
  public init(loading pointer: UnsafeRawPointer) {
    w0 = UInt64(bigEndian: pointer.loadUnaligned(as: UInt64.self))
    w1 = UInt64(bigEndian: pointer.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    w2 = UInt64(bigEndian: pointer.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
    w3 = UInt64(bigEndian: pointer.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
  }

  /// The digest whose bytes are `bytes`, or nil when there are not exactly 32.
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Digest.byteCount else { return nil }
    let array = Array(bytes)
    self = array.withUnsafeBytes { Digest(loading: $0.baseAddress!) }
  }

  /// The digest written as 64 lower-case hexadecimal digits, or nil for anything else.
  public init?(hex: some StringProtocol) {
    guard let bytes = Hex.decode(hex), bytes.count == Digest.byteCount else { return nil }
    self.init(bytes)
  }

  /// The digest written as 64 lower-case hexadecimal digits in memory, or nil for anything else.
  init?(hexDigits digits: UnsafeRawBufferPointer) {
    guard digits.count == 2 * Digest.byteCount else { return nil }
    func word(_ number: Int) -> UInt64? {
      var word: UInt64 = 0
      for index in number * 16..<number * 16 + 16 {
        guard let nibble = Hex.value(digits[index]) else { return nil }
        word = word << 4 | UInt64(nibble)
      }
      return word
    }
    guard let w0 = word(0), let w1 = word(1), let w2 = word(2), let w3 = word(3) else { return nil }
    self.init(w0, w1, w2, w3)
  }

  /// Writes the 32 bytes at `pointer`, which need not be aligned.
  @inlinable
  public func store(to pointer: UnsafeMutableRawPointer) {
    pointer.storeBytes(of: w0.bigEndian, as: UInt64.self)
    pointer.storeBytes(of: w1.bigEndian, toByteOffset: 8, as: UInt64.self)
    pointer.storeBytes(of: w2.bigEndian, toByteOffset: 16, as: UInt64.self)
    pointer.storeBytes(of: w3.bigEndian, toByteOffset: 24, as: UInt64.self)
  }

  /// The 32 bytes in order.
  public var bytes: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Digest.byteCount) { buffer, count in
      store(to: UnsafeMutableRawPointer(buffer.baseAddress!))
      count = Digest.byteCount
    }
  }

  /// The 64 lower-case hexadecimal digits.
  public var hex: String { Hex.encode(bytes) }

  /// The first 64 bits: uniformly distributed, good as a hash-table or filter key.
  @inlinable
  public var prefix64: UInt64 { w0 }

  @inlinable
  public static func < (a: Digest, b: Digest) -> Bool {
    if a.w0 != b.w0 { return a.w0 < b.w0 }
    if a.w1 != b.w1 { return a.w1 < b.w1 }
    if a.w2 != b.w2 { return a.w2 < b.w2 }
    return a.w3 < b.w3
  }

  @inlinable
  public func hash(into hasher: inout Hasher) { hasher.combine(w0) }
}

extension Digest: CustomStringConvertible {
  public var description: String { hex }
}
