/// The records of one pax extended header: `length " " keyword "=" value "\n"`, where the length
/// counts the whole record, its own digits included.
struct PaxRecords {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ key: StaticString, _ value: [UInt8]) {
    key.withUTF8Buffer { add(Array($0), value) }
  }

  /// A time as decimal seconds; the sign stands for the whole number.
  mutating func add(_ key: StaticString, time: TarMember.Time) {
    var seconds = time.seconds.magnitude
    var nanoseconds = min(time.nanoseconds, 999_999_999)
    if time.seconds < 0 && nanoseconds > 0 {
      seconds -= 1
      nanoseconds = 1_000_000_000 - nanoseconds
    }
    let digits = String(nanoseconds)
    let fraction = String(repeating: "0", count: 9 - digits.utf8.count) + digits
    add(key, Array("\(time.seconds < 0 ? "-" : "")\(seconds).\(fraction)".utf8))
  }

  /// An extended attribute as SCHILY.xattr, which GNU tar and libarchive restore; POSIX access
  /// control lists as the text that both expect.
  mutating func add(attribute name: [UInt8], value: [UInt8]) {
    for kind in ["access", "default"] where name.elementsEqual("system.posix_acl_\(kind)".utf8) {
      if let text = AccessControlText.text(value) {
        add(Array("SCHILY.acl.\(kind)".utf8), text)
        return
      }
    }
    var key = Array("SCHILY.xattr.".utf8)
    for byte in name {
      // GNU tar's notation for what would end the keyword.
      switch byte {
      case UInt8(ascii: "="): key.append(contentsOf: "%3D".utf8)
      case UInt8(ascii: "%"): key.append(contentsOf: "%25".utf8)
      default: key.append(byte)
      }
    }
    add(key, value)
  }

  private mutating func add(_ key: [UInt8], _ value: [UInt8]) {
    let rest = key.count + value.count + 3
    var length = rest + 1
    while rest + String(length).utf8.count > length { length += 1 }
    bytes.append(contentsOf: String(length).utf8)
    bytes.append(UInt8(ascii: " "))
    bytes.append(contentsOf: key)
    bytes.append(UInt8(ascii: "="))
    bytes.append(contentsOf: value)
    bytes.append(UInt8(ascii: "\n"))
  }
}
