import VarveFormat

/// POSIX.1e access control lists: from Linux's attribute value to the long text form of acl(5), with
/// numbers for users and groups, since the archive may be unpacked where the names differ.
///
///   value := version:u32(2) entry*       entry := tag:u16 permissions:u16 id:u32
package enum AccessControlText {
  /// Nil when `value` is not such a list.
  package static func text(_ value: [UInt8]) -> [UInt8]? {
    value.withUnsafeBytes { bytes in
      var reader = ByteReader(bytes, "access control list")
      guard (try? reader.u32()) == 2 else { return nil }
      var text: [UInt8] = []
      while !reader.isAtEnd {
        guard let tag = try? reader.u16(), let permissions = try? reader.u16(),
          let id = try? reader.u32()
        else { return nil }
        switch tag {
        case 0x01: text.append(contentsOf: "user::".utf8)
        case 0x02: text.append(contentsOf: "user:\(id):".utf8)
        case 0x04: text.append(contentsOf: "group::".utf8)
        case 0x08: text.append(contentsOf: "group:\(id):".utf8)
        case 0x10: text.append(contentsOf: "mask::".utf8)
        case 0x20: text.append(contentsOf: "other::".utf8)
        default: return nil
        }
        text.append(UInt8(ascii: permissions & 4 != 0 ? "r" : "-"))
        text.append(UInt8(ascii: permissions & 2 != 0 ? "w" : "-"))
        text.append(UInt8(ascii: permissions & 1 != 0 ? "x" : "-"))
        text.append(UInt8(ascii: "\n"))
      }
      return text
    }
  }
}
