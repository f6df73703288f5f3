import Testing
import Varve

@Suite struct TarHeaderTests {
  private func encode(_ member: TarMember) -> (records: [String: String], block: [UInt8]) {
    let bytes = TarHeader.encode(member).bytes
    guard bytes[156] == UInt8(ascii: "x") else { return ([:], Array(bytes.prefix(512))) }
    let size = Int(String(decoding: bytes[124..<135], as: UTF8.self), radix: 8)!
    var rest = bytes[512..<512 + size]
    var records: [String: String] = [:]
    while !rest.isEmpty {
      let space = rest.firstIndex(of: UInt8(ascii: " "))!
      let length = Int(String(decoding: rest[..<space], as: UTF8.self))!
      let record = rest.prefix(length)
      let equals = record.firstIndex(of: UInt8(ascii: "="))!
      #expect(record.last == UInt8(ascii: "\n"))
      records[String(decoding: record[(space + 1)..<equals], as: UTF8.self)] = String(
        decoding: record[(equals + 1)..<(record.endIndex - 1)], as: UTF8.self)
      rest = rest.dropFirst(length)
    }
    let start = 512 + (size + 511) / 512 * 512
    return (records, Array(bytes[start..<start + 512]))
  }

  private func field(_ block: [UInt8], _ range: Range<Int>) -> String {
    String(decoding: block[range].prefix { $0 != 0 }, as: UTF8.self)
  }

  /// Laid out by hand from the standard.
  @Test func plainFile() {
    var member = TarMember(path: Array("dir/file".utf8), kind: .file(size: 3, extents: nil))
    member.mode = 0o4751
    member.userID = 1000
    member.groupID = 0o7777777
    member.user = Array("user".utf8)
    member.group = Array("group".utf8)
    member.modified = TarMember.Time(seconds: 0o12345670, nanoseconds: 0)
    let (bytes, dataLength) = TarHeader.encode(member)
    var expected = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, _ offset: Int) {
      expected.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
    }
    put("dir/file", 0)
    put("0004751", 100)
    put("0001750", 108)
    put("7777777", 116)
    put("00000000003", 124)
    put("00012345670", 136)
    put("        ", 148)
    put("0", 156)
    put("ustar", 257)
    put("00", 263)
    put("user", 265)
    put("group", 297)
    let sum = String(expected.reduce(0) { $0 + Int($1) }, radix: 8)
    put(String(repeating: "0", count: 6 - sum.utf8.count) + sum, 148)
    expected[154] = 0
    expected[155] = UInt8(ascii: " ")
    #expect(bytes == expected)
    #expect(dataLength == 3)
  }

  @Test func whatDoesNotFitGetsRecords() {
    let long = String(repeating: "a", count: 101)
    var member = TarMember(
      path: Array(long.utf8), kind: .symbolicLink(target: Array((long + "b").utf8)))
    member.userID = 1 << 21
    member.groupID = UInt64(UInt32.max)
    member.user = Array(String(repeating: "u", count: 32).utf8)
    member.group = Array("grüppe".utf8)
    member.modified = TarMember.Time(seconds: -1, nanoseconds: 250_000_000)
    member.accessed = TarMember.Time(seconds: 5, nanoseconds: 1)
    let (records, block) = encode(member)
    #expect(
      records == [
        "path": long, "linkpath": long + "b", "uid": "2097152", "gid": "4294967295",
        "uname": String(repeating: "u", count: 32), "gname": "grüppe",
        "mtime": "-0.750000000", "atime": "5.000000001",
      ])
    #expect(field(block, 0..<100) == String(repeating: "a", count: 100))
    #expect(field(block, 108..<116) == "7777777")
    #expect(field(block, 136..<148) == "00000000000")
    #expect(block[156] == UInt8(ascii: "2"))
  }

  @Test func hugeFiles() {
    let limit: UInt64 = 1 << 33
    let fits = TarMember(path: [0x61], kind: .file(size: limit - 1, extents: nil))
    #expect(encode(fits).records.isEmpty)
    let huge = TarMember(path: [0x61], kind: .file(size: limit, extents: nil))
    #expect(encode(huge).records == ["size": "8589934592"])
    #expect(TarHeader.encode(huge).dataLength == limit)
  }

  @Test func namesThatAreNotUTF8StayRawWhileTheyFit() {
    let short = TarMember(path: [0x61, 0xff], kind: .fifo)
    #expect(encode(short).records.isEmpty)
    #expect(Array(encode(short).block[0..<3]) == [0x61, 0xff, 0])
    let long = TarMember(path: Array(repeating: 0xff, count: 150), kind: .fifo)
    let bytes = TarHeader.encode(long).bytes
    #expect(bytes[512...].starts(with: Array("160 path=".utf8) + [0xff, 0xff]))
  }

  @Test func attributesAndAccessControlLists() {
    var member = TarMember(path: [0x61], kind: .directory)
    let list: [UInt8] =
      [2, 0, 0, 0] + [1, 0, 7, 0, 255, 255, 255, 255] + [2, 0, 6, 0, 0xe8, 3, 0, 0]
      + [4, 0, 5, 0, 255, 255, 255, 255] + [0x10, 0, 7, 0, 255, 255, 255, 255]
      + [0x20, 0, 0, 0, 255, 255, 255, 255]
    member.attributes = [
      (Array("system.posix_acl_access".utf8), list),
      (Array("system.posix_acl_default".utf8), [2, 0, 0, 0, 1]),
      (Array("user.a=b%".utf8), Array("v\n=".utf8)),
    ]
    let (records, block) = encode(member)
    #expect(
      records == [
        "SCHILY.acl.access": "user::rwx\nuser:1000:rw-\ngroup::r-x\nmask::rwx\nother::---\n",
        "SCHILY.xattr.system.posix_acl_default": "\u{2}\u{0}\u{0}\u{0}\u{1}",
        "SCHILY.xattr.user.a%3Db%25": "v\n=",
      ])
    #expect(field(block, 0..<100) == "a/")
  }

  @Test func sparseFiles() {
    let member = TarMember(
      path: Array("d/f".utf8),
      kind: .file(
        size: 10_000, extents: [.init(offset: 4_096, length: 100), .init(offset: 8_192, length: 8)])
    )
    let (bytes, dataLength) = TarHeader.encode(member)
    #expect(dataLength == 108)
    #expect(bytes.count == 512 + 512 + 512 + 512)
    let (records, block) = encode(member)
    #expect(
      records == [
        "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "d/f",
        "GNU.sparse.realsize": "10000",
      ])
    #expect(field(block, 0..<100) == "d/GNUSparseFile.0/f")
    #expect(field(block, 124..<136) == String(512 + 108, radix: 8).leftPadded(to: 11))
    let map = "3\n4096\n100\n8192\n8\n10000\n0\n"
    #expect(bytes.suffix(512).starts(with: map.utf8))
  }

  @Test(arguments: [90, 91, 92, 93, 990, 991, 992, 993])
  func recordLengthsCountTheirOwnDigits(_ count: Int) {
    let name = [UInt8](repeating: 0x75, count: 5)
    var member = TarMember(path: [0x61], kind: .fifo)
    member.attributes = [(name, [UInt8](repeating: 0x76, count: count - 20))]
    #expect(encode(member).records["SCHILY.xattr.uuuuu"]?.utf8.count == count - 20)
  }
}

extension String {
  fileprivate func leftPadded(to count: Int) -> String {
    String(repeating: "0", count: Swift.max(0, count - utf8.count)) + self
  }
}
