import Glibc
import Varve
import VarveFormat
import VarveRepository

/// Archives that others made. The sum of whatever looks like a header is made right.
extension ParserTarget {
  static let archiveTargets: [ParserTarget] = [
    // 16 MiB for an extended header, and for the map of a sparse file.
    ParserTarget(
      "tar",
      tokens: [
        "ustar\u{0}00", "ustar  ", "30 path=", "22 size=", "GNU.sparse.major=1", "GNU.sparse.map=",
        "GNU.sparse.realsize=", "SCHILY.xattr.user.a=", "mtime=", "././@LongLink", "0000644",
      ], allocationLimit: 40, refusals: [.io],
      seeds: { archives },
      recode: { bytes in
        try FuzzRepository.shared.withFile("archive", withSums(bytes)) { path in
          let file = open(path, O_RDONLY | O_CLOEXEC)
          defer { close(file) }
          let input = try ArchiveInput(
            descriptor: file, name: "archive", cancellation: CancellationFlag())
          let reader = TarReader(input, accounts: AccountNames())
          while let step = try reader.next() {
            guard case .member(let member) = step else { continue }
            try judge(member)
            try readAll(member, reader)
          }
          use(try input.finish().hasMore)
          return nil
        }
      })
  ]

  private static func judge(_ member: ArchivedMember) throws {
    use(member.losses.joined())
    guard case .file(let size, let extents) = member.member.kind else { return }
    guard let extents else { return try require(member.dataLength == size, "data beyond a file") }
    var end: UInt64 = 0
    var count: UInt64 = 0
    for extent in extents {
      try require(extent.offset >= end && extent.length <= size, "extents that overlap")
      try require(extent.offset <= size - extent.length, "an extent beyond a file")
      end = extent.offset + extent.length
      count += extent.length
    }
    try require(count == member.dataLength, "other data than the map says")
  }

  /// Of every other member only half, as of one that cannot be stored.
  private static func readAll(_ member: ArchivedMember, _ reader: TarReader) throws {
    var left = member.dataLength % 2 == 0 ? member.dataLength : member.dataLength / 2
    try withUnsafeTemporaryAllocation(byteCount: 1_000, alignment: 1) { buffer in
      while left > 0 {
        let wanted = min(left, 1_000)
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(wanted)])
        try require(try reader.read(into: room) == Int(wanted), "data that is not all there")
        left -= wanted
      }
    }
  }

  // MARK: Archives

  private static func withSums(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for start in stride(from: 0, through: bytes.count - 512, by: 512)
    where bytes[start + 257..<start + 262].elementsEqual("ustar".utf8) {
      let field = start + 148..<start + 156
      bytes.replaceSubrange(field, with: repeatElement(UInt8(ascii: " "), count: 8))
      let sum = bytes[start..<start + 512].reduce(0) { $0 + Int($1) }
      let digits = String(sum, radix: 8)
      let text = String(repeating: "0", count: 6 - digits.utf8.count) + digits + "\0 "
      bytes.replaceSubrange(field, with: Array(text.utf8))
    }
    return bytes
  }

  private static func header(
    _ name: String, _ type: Character, size: Int, link: String = "", gnu: Bool = false
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, _ offset: Int) {
      bytes.replaceSubrange(offset..<offset + text.utf8.count, with: Array(text.utf8))
    }
    func octal(_ number: Int, _ width: Int) -> String {
      let digits = String(number, radix: 8)
      return String(repeating: "0", count: width - digits.utf8.count) + digits
    }
    put(name, 0)
    put(octal(0o644, 7), 100)
    put(octal(0, 7), 108)
    put(octal(0, 7), 116)
    put(octal(size, 11), 124)
    put(octal(1_772_362_800, 11), 136)
    put(String(type), 156)
    put(link, 157)
    put(gnu ? "ustar  \0" : "ustar\u{0}00", 257)
    return bytes
  }

  private static func padded(_ content: [UInt8]) -> [UInt8] {
    content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
  }

  private static func member(
    _ name: String, _ type: Character, _ content: String, link: String = "", gnu: Bool = false
  ) -> [UInt8] {
    header(name, type, size: content.utf8.count, link: link, gnu: gnu)
      + padded(Array(content.utf8))
  }

  private static func records(_ pairs: [(String, String)]) -> String {
    pairs.map { name, value in
      let rest = " \(name)=\(value)\n".utf8.count
      var length = rest + 1
      while String(length).utf8.count + rest != length { length += 1 }
      return "\(length) \(name)=\(value)\n"
    }.joined()
  }

  private static let archives: [[UInt8]] = {
    let end = [UInt8](repeating: 0, count: 1_024)
    let plain =
      member("a/", "5", "") + member("a/file", "0", "content\n")
      + member("a/link", "2", "", link: "file")
      + member("a/same", "1", "", link: "a/file") + member("a/pipe", "6", "")
    let extended =
      member(
        "PaxHeaders/x", "x",
        records([
          ("path", "long/name"), ("mtime", "1772362800.5"), ("SCHILY.xattr.user.a", "b"),
          ("size", "8"),
        ])) + member("x", "0", "12345678")
    let long =
      member("././@LongLink", "L", "a/very/long/name\0", gnu: true)
      + member("a", "0", "x", gnu: true)
    let map = "2\n0\n4\n4096\n4\n"
    let data = padded(Array(map.utf8)) + Array("datadata".utf8)
    let sparse =
      member(
        "PaxHeaders/s", "x",
        records([
          ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "sparse"),
          ("GNU.sparse.realsize", "8192"),
        ])) + header("s", "0", size: data.count) + padded(data)
    return [plain, extended, long, sparse].map { $0 + end } + [plain + extended + long + sparse]
  }()
}
