/// The 512 bytes of one ustar header while they are filled in (layout: TarHeader.swift).
struct UstarBlock {
  struct Field {
    let offset: Int
    let length: Int

    static let name = Field(offset: 0, length: 100)
    static let mode = Field(offset: 100, length: 8)
    static let userID = Field(offset: 108, length: 8)
    static let groupID = Field(offset: 116, length: 8)
    static let size = Field(offset: 124, length: 12)
    static let modified = Field(offset: 136, length: 12)
    static let checksum = Field(offset: 148, length: 8)
    static let link = Field(offset: 157, length: 100)
    static let user = Field(offset: 265, length: 32)
    static let group = Field(offset: 297, length: 32)
    static let major = Field(offset: 329, length: 8)
    static let minor = Field(offset: 337, length: 8)

    /// The largest number whose octal digits fit before the NUL.
    var limit: UInt64 { 1 << UInt64(3 * (length - 1)) - 1 }
    /// Names and link targets may fill their field; user and group names need a NUL.
    var textLimit: Int { length == 100 ? length : length - 1 }
  }

  private var bytes = [UInt8](repeating: 0, count: TarHeader.blockSize)

  init(type: UInt8) {
    bytes[156] = type
    bytes.replaceSubrange(257..<265, with: Array("ustar".utf8) + [0] + Array("00".utf8))
  }

  /// Writes as much of `text` as fits.
  mutating func text(_ text: [UInt8], _ field: Field) {
    let fitting = text.prefix(field.textLimit)
    bytes.replaceSubrange(field.offset..<field.offset + fitting.count, with: fitting)
  }

  /// Writes `text`, and a record where the field cannot say it.
  mutating func text(
    _ text: [UInt8], _ field: Field, _ key: StaticString, _ records: inout PaxRecords
  ) {
    self.text(text, field)
    let isForeign = text.contains { $0 >= 0x80 }
    if text.count > field.textLimit
      || isForeign && String(validating: text, as: UTF8.self) != nil
    {
      records.add(key, text)
    }
  }

  /// Writes `value`, or the largest number that fits.
  mutating func number(_ value: UInt64, _ field: Field) {
    var rest = min(value, field.limit)
    for index in stride(from: field.offset + field.length - 2, through: field.offset, by: -1) {
      bytes[index] = UInt8(ascii: "0") + UInt8(rest & 7)
      rest >>= 3
    }
  }

  /// Writes `value`, and a record when it does not fit.
  mutating func number(
    _ value: UInt64, _ field: Field, _ key: StaticString, _ records: inout PaxRecords
  ) {
    number(value, field)
    if value > field.limit { records.add(key, Array(String(value).utf8)) }
  }

  /// Writes the modification time, and a record unless it is whole seconds that fit.
  mutating func time(_ time: TarMember.Time, _ key: StaticString, _ records: inout PaxRecords) {
    let whole = UInt64(max(0, time.seconds))
    number(whole, .modified)
    if time.nanoseconds != 0 || time.seconds < 0 || whole > Field.modified.limit {
      records.add(key, time: time)
    }
  }

  /// The block with its checksum: the sum of all bytes, those of the checksum counted as spaces.
  mutating func finished() -> [UInt8] {
    let field = Field.checksum.offset..<Field.checksum.offset + Field.checksum.length
    bytes.replaceSubrange(field, with: repeatElement(UInt8(ascii: " "), count: field.count))
    let sum = bytes.reduce(0) { $0 + UInt64($1) }
    number(sum, Field(offset: field.lowerBound, length: 7))
    bytes[field.lowerBound + 6] = 0
    return bytes
  }
}
