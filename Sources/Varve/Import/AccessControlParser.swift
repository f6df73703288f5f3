import VarveFormat

/// POSIX.1e access control lists from text, as archives have them, to Linux's attribute value (AccessControlText):
///
///   list  := entry (("," | LF) entry)*       entry := tag ":" [name] ":" permissions [":" number] ["#" …]
///
/// The number is star's, and counts for more than the name.
enum AccessControlParser {
  private static let undefined = UInt32.max

  /// - Parameters:
  ///   - user, group: the number for a name that is none, if this machine knows it.
  /// - Returns: nil for what is no such list, or names somebody unknown.
  static func value(
    _ text: [UInt8], user: ([UInt8]) -> UInt32?, group: ([UInt8]) -> UInt32?
  ) -> [UInt8]? {
    var writer = ByteWriter()
    writer.u32(2)
    let separators: Set<UInt8> = [UInt8(ascii: ","), UInt8(ascii: "\n")]
    for line in text.split(whereSeparator: { separators.contains($0) }) {
      let entry = line.prefix { $0 != UInt8(ascii: "#") }.filter { $0 != UInt8(ascii: " ") }
      if entry.isEmpty { continue }
      let parts = entry.split(
        separator: UInt8(ascii: ":"), maxSplits: 3, omittingEmptySubsequences: false)
      guard parts.count >= 3, let permissions = permissions(parts[2]) else { return nil }
      let name = Array(parts[1])
      var number: UInt32?
      if parts.count == 4 {
        number = TarNumber.decimal(parts[3]).flatMap { UInt32(exactly: $0) }
      } else if !name.isEmpty {
        number = TarNumber.decimal(name).flatMap { UInt32(exactly: $0) }
      }
      let tag: UInt16
      switch String(decoding: parts[0], as: UTF8.self) {
      case "user", "u":
        tag = name.isEmpty ? 0x01 : 0x02
        if !name.isEmpty, number == nil { number = user(name) }
      case "group", "g":
        tag = name.isEmpty ? 0x04 : 0x08
        if !name.isEmpty, number == nil { number = group(name) }
      case "mask", "m": tag = 0x10
      case "other", "o": tag = 0x20
      default: return nil
      }
      if tag == 0x02 || tag == 0x08 {
        guard number != nil else { return nil }
      } else {
        number = undefined
      }
      writer.u16(tag)
      writer.u16(permissions)
      writer.u32(number ?? undefined)
    }
    return writer.bytes.count > 4 ? writer.bytes : nil
  }

  private static func permissions(_ text: some Collection<UInt8>) -> UInt16? {
    var bits: UInt16 = 0
    for byte in text {
      switch byte {
      case UInt8(ascii: "r"): bits |= 4
      case UInt8(ascii: "w"): bits |= 2
      case UInt8(ascii: "x"): bits |= 1
      case UInt8(ascii: "-"): break
      default: return nil
      }
    }
    return bits
  }
}
