/// The plaintext of a block: a table of slot lengths, then the slots (docs/format.md, section 7).
///
/// ```
/// block payload := slot-count:uvarint (slot-length:uvarint)* (slot bytes)*
/// ```
/// A writer leaves `tableByteLimit(slots:)` bytes free before its slots and has the table written so
/// that it ends where they begin: the payload is then one run of memory and nothing is copied.
public enum BlockPayload {
  /// Where a slot lies in a payload.
  public struct SlotRange: Equatable, Sendable {
    public let offset: UInt32
    public let length: UInt32

    public var range: Range<Int> { Int(offset)..<Int(offset) + Int(length) }
  }

  /// The most bytes a table of `slots` lengths can take.
  public static func tableByteLimit(slots: Int) -> Int { 3 + 4 * slots }

  /// The bytes that the table of these lengths takes. O(slots).
  public static func tableByteCount(_ lengths: UnsafeBufferPointer<UInt32>) -> Int {
    var total = width(UInt32(lengths.count))
    for length in lengths { total += width(length) }
    return total
  }

  /// Writes the table so that it ends at `slots`.
  ///
  /// - Parameters:
  ///   - lengths: 1 to 65,535 lengths of 1 byte to 64 MiB each.
  ///   - slots: the first slot's first byte; `tableByteLimit` bytes before it are writable.
  /// - Returns: bytes of the table; the payload begins that many bytes before `slots`. O(slots).
  public static func writeTable(
    _ lengths: UnsafeBufferPointer<UInt32>, endingAt slots: UnsafeMutableRawPointer
  ) -> Int {
    let count = tableByteCount(lengths)
    var pointer = slots - count
    put(UInt32(lengths.count), &pointer)
    for length in lengths { put(length, &pointer) }
    return count
  }

  /// Reads the table of a payload.
  ///
  /// - Parameter slots: receives where each slot lies in `payload`; its storage is reused.
  /// - Throws: `.damaged` unless the table is canonical and the slots fill the payload exactly.
  public static func parse(
    _ payload: UnsafeRawBufferPointer, into slots: inout [SlotRange]
  ) throws {
    slots.removeAll(keepingCapacity: true)
    var reader = ByteReader(payload, "block")
    guard payload.count <= PackLimits.blockPayloadByteCount else {
      throw reader.fail("it is too long")
    }
    let count = try reader.count(limit: PackLimits.slotsPerBlock)
    guard count > 0 else { throw reader.fail("it has no slots") }
    slots.reserveCapacity(min(count, reader.remaining))
    // Offsets from the first slot; 65,535 slots of 64 MiB stay far below 2^63.
    var end = 0
    for _ in 0..<count {
      let length = try reader.count(limit: PackLimits.slotByteCount)
      guard length > 0 else { throw reader.fail("a slot is empty") }
      guard end + length <= payload.count else { throw reader.fail("a slot ends behind it") }
      slots.append(SlotRange(offset: UInt32(end), length: UInt32(length)))
      end += length
    }
    let table = reader.offset
    guard table + end == payload.count else { throw reader.fail("its slots do not fill it") }
    for index in slots.indices {
      slots[index] = SlotRange(
        offset: slots[index].offset + UInt32(table), length: slots[index].length)
    }
  }

  @inline(__always)
  private static func width(_ value: UInt32) -> Int {
    (31 - (value | 1).leadingZeroBitCount) / 7 + 1
  }

  @inline(__always)
  private static func put(_ value: UInt32, _ pointer: inout UnsafeMutableRawPointer) {
    var value = value
    while value >= 0x80 {
      pointer.storeBytes(of: UInt8(truncatingIfNeeded: value) | 0x80, as: UInt8.self)
      pointer += 1
      value >>= 7
    }
    pointer.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
    pointer += 1
  }
}
