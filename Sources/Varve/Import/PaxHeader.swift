internal import VarveFormat

/// The records of pax extended headers that are in force: of the archive, and over them of the member.
struct PaxHeader {
  private(set) var values: [[UInt8]: [UInt8]] = [:]
  /// GNU sparse format 0.0 gives one record for each number; they alternate.
  private(set) var sparseNumbers: [UInt64] = []

  /// Takes in `length " " keyword "=" value "\n"` records. A value of no bytes takes an earlier record back.
  ///
  /// - Throws: `.io` for what is no such list.
  mutating func take(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while let first = rest.first, first != 0 {
      guard let space = rest.prefix(20).firstIndex(of: UInt8(ascii: " ")),
        let length = TarNumber.decimal(rest[..<space]), length <= UInt64(rest.count)
      else { throw Self.malformed }
      let record = rest.prefix(Int(length))
      guard record.count > space - rest.startIndex + 3, record.last == UInt8(ascii: "\n"),
        let equals = record[(space + 1)...].firstIndex(of: UInt8(ascii: "="))
      else { throw Self.malformed }
      try set(Array(record[(space + 1)..<equals]), Array(record[(equals + 1)...].dropLast()))
      rest = rest.dropFirst(Int(length))
    }
  }

  private mutating func set(_ key: [UInt8], _ value: [UInt8]) throws {
    if key.elementsEqual("GNU.sparse.offset".utf8) || key.elementsEqual("GNU.sparse.numbytes".utf8)
    {
      guard let number = TarNumber.decimal(value) else { throw Self.malformed }
      sparseNumbers.append(number)
      return
    }
    values[key] = value
  }

  private static var malformed: VarveError {
    VarveError(.io, "a pax extended header is malformed")
  }

  /// The value of a record, unless it is empty.
  subscript(_ key: StaticString) -> [UInt8]? {
    let key = key.withUTF8Buffer { Array($0) }
    guard let value = values[key], !value.isEmpty else { return nil }
    return value
  }

  func number(_ key: StaticString) throws -> UInt64? {
    guard let value = self[key] else { return nil }
    guard let number = TarNumber.decimal(value) else { throw Self.malformed }
    return number
  }

  func time(_ key: StaticString) throws -> TarMember.Time? {
    guard let value = self[key] else { return nil }
    guard let time = TarNumber.time(value) else { throw Self.malformed }
    return time
  }

  /// The extended attributes, by name; lists of access control as they come in their own records are not among them.
  var attributes: [(name: [UInt8], value: [UInt8])] {
    let own = Array("SCHILY.xattr.".utf8)
    var found: [[UInt8]: [UInt8]] = [:]
    for (key, value) in values where key.starts(with: own) && key.count > own.count {
      found[Self.unescaped(key[own.count...])] = value
    }
    if let label = self["RHT.security.selinux"] {
      let name = Array("security.selinux".utf8)
      // The system's own value ends with a NUL.
      if found[name] == nil { found[name] = label.last == 0 ? label : label + [0] }
    }
    return found.map { (name: $0.key, value: $0.value) }
      .sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }

  /// GNU tar's notation for what would end the keyword.
  private static func unescaped(_ key: ArraySlice<UInt8>) -> [UInt8] {
    var out: [UInt8] = []
    var rest = key
    while let byte = rest.popFirst() {
      let next = rest.prefix(2)
      if byte == UInt8(ascii: "%"), next.elementsEqual("3D".utf8) {
        out.append(UInt8(ascii: "="))
        rest = rest.dropFirst(2)
      } else if byte == UInt8(ascii: "%"), next.elementsEqual("25".utf8) {
        out.append(UInt8(ascii: "%"))
        rest = rest.dropFirst(2)
      } else {
        out.append(byte)
      }
    }
    return out
  }
}
