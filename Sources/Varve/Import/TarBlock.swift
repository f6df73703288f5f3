internal import VarveFormat

/// One header of a member together with the records that speak of it.
struct TarBlock {
  enum Kind {
    case data, directory, symbolicLink, hardLink, fifo
    case device(isBlock: Bool)
    /// A directory of GNU's incremental format, whose data is a list of names.
    case dump
    case unknown(UInt8)
  }

  enum Device { case major, minor }

  let bytes: [UInt8]
  let pax: PaxHeader
  private let longName: [UInt8]?
  private let longLink: [UInt8]?

  init(_ bytes: [UInt8], _ pax: PaxHeader, _ longName: [UInt8]?, _ longLink: [UInt8]?) {
    self.bytes = bytes
    self.pax = pax
    self.longName = longName
    self.longLink = longLink
  }

  static func hasRightChecksum(_ bytes: [UInt8]) -> Bool {
    let field = 148..<156
    guard let stored = TarNumber.parse(bytes[field]) else { return false }
    var unsigned: Int64 = 0
    var signed: Int64 = 0
    for (index, byte) in bytes.enumerated() {
      let byte = field.contains(index) ? UInt8(ascii: " ") : byte
      unsigned += Int64(byte)
      signed += Int64(Int8(bitPattern: byte))
    }
    return stored == unsigned || stored == signed
  }

  var type: UInt8 { bytes[156] }
  /// Whether it is of POSIX's or GNU's layout, not of the seventh edition's.
  var isUstar: Bool { bytes[257..<262].elementsEqual("ustar".utf8) }
  private var isPOSIX: Bool { isUstar && bytes[262] == 0 }

  var isSparse: Bool {
    type == UInt8(ascii: "S") || pax["GNU.sparse.major"] != nil || pax["GNU.sparse.size"] != nil
      || pax["GNU.sparse.map"] != nil
  }

  var kind: Kind {
    switch type {
    case 0, UInt8(ascii: "0"), UInt8(ascii: "7"), UInt8(ascii: "S"): .data
    case UInt8(ascii: "1"): .hardLink
    case UInt8(ascii: "2"): .symbolicLink
    case UInt8(ascii: "3"): .device(isBlock: false)
    case UInt8(ascii: "4"): .device(isBlock: true)
    case UInt8(ascii: "5"): .directory
    case UInt8(ascii: "6"): .fifo
    case UInt8(ascii: "D"): .dump
    default: .unknown(type)
    }
  }

  private func text(_ range: Range<Int>) -> [UInt8] { Array(bytes[range].prefix { $0 != 0 }) }

  var path: [UInt8] {
    if let path = pax["path"] { return path }
    if let longName { return longName }
    let name = text(0..<100)
    let prefix = isPOSIX ? text(345..<500) : []
    return prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
  }

  var linkTarget: [UInt8] { pax["linkpath"] ?? longLink ?? text(157..<257) }

  /// - Throws: `.io` for a malformed record.
  func deviceNumber(_ part: Device) throws -> UInt32? {
    let own =
      switch part {
      case .major: try pax.number("SCHILY.devmajor")
      case .minor: try pax.number("SCHILY.devminor")
      }
    if let own { return UInt32(exactly: own) }
    return TarNumber.parse(bytes[part == .major ? 329..<337 : 337..<345])
      .flatMap { UInt32(exactly: $0) }
  }

  /// Fills in what is known of the member besides its name and kind.
  ///
  /// - Throws: `.io` for a number that is none.
  func describe(_ result: inout ArchivedMember, _ accounts: AccountNames) throws {
    guard let mode = TarNumber.parse(bytes[100..<108]),
      let userField = TarNumber.parse(bytes[108..<116]),
      let groupField = TarNumber.parse(bytes[116..<124]),
      let time = TarNumber.parse(bytes[136..<148])
    else { throw VarveError(.io, "a number in a header is none") }
    result.member.mode = UInt32(truncatingIfNeeded: mode) & 0o7777
    result.member.userID = try pax.number("uid") ?? UInt64(bitPattern: userField)
    result.member.groupID = try pax.number("gid") ?? UInt64(bitPattern: groupField)
    result.member.modified =
      try pax.time("mtime") ?? TarMember.Time(seconds: time, nanoseconds: 0)
    result.member.accessed = try pax.time("atime")
    result.member.user = pax["uname"] ?? (isUstar ? text(265..<297) : [])
    result.member.group = pax["gname"] ?? (isUstar ? text(297..<329) : [])
    result.member.attributes = pax.attributes
    for kind in ["access", "default"] {
      let key: StaticString = kind == "access" ? "SCHILY.acl.access" : "SCHILY.acl.default"
      guard let text = pax[key] else { continue }
      let name = Array("system.posix_acl_\(kind)".utf8)
      guard
        let value = AccessControlParser.value(
          text, user: accounts.userNumber, group: accounts.groupNumber)
      else {
        result.losses.append("its \(kind) control list names somebody unknown here")
        continue
      }
      result.member.attributes.removeAll { $0.name == name }
      // What the mode says alone is no list of its own.
      if value.count > 4 + 3 * 8 || kind == "default" {
        result.member.attributes.append((name: name, value: value))
      }
    }
  }
}
