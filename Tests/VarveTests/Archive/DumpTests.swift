import Glibc
import Testing
import Varve
import VarveFormat

/// What independent programs make of our archives.
@Suite struct DumpTests {
  private let directory: ScratchDirectory
  private let chunks = MemoryChunks()

  init() throws { directory = try ScratchDirectory() }

  private func dump(_ snapshot: SnapshotRecord) -> Dump {
    let chunks = chunks
    return Dump(snapshot, helpers: 2) { chunks }
  }

  private func written(_ name: String, _ body: (DescriptorOutput) throws -> Void) throws -> [UInt8]
  {
    let path = try directory.file(name, [])
    let file = open(directory.cPath(name), O_WRONLY)
    defer { close(file) }
    try body(DescriptorOutput(descriptor: file, name: name))
    return try RunProgram.contents(path)
  }

  private static let pattern = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 8) }

  /// Holes that begin and end within blocks, several in one block, and one at each end.
  private static func sparse() -> Node {
    var bytes = [UInt8](repeating: 0, count: 1_000_000)
    var holes: [Hole] = []
    var position = 0
    for data in [100_000..<150_000, 150_010..<150_020, 150_500..<200_000, 500_000..<500_001] {
      for index in data { bytes[index] = UInt8(truncatingIfNeeded: index) | 1 }
      holes.append(Hole(offset: UInt64(position), length: UInt64(data.lowerBound - position)))
      position = data.upperBound
    }
    holes.append(Hole(offset: UInt64(position), length: UInt64(bytes.count - position)))
    return .file(bytes, holes: holes)
  }

  private func sample() throws -> SnapshotRecord {
    let longName = String(repeating: "n", count: 200)
    return try chunks.snapshot(
      [
        ("data", .modified(1_600_000_000, 123_456_789, node: .file(Self.pattern))),
        (
          "dir",
          .mode(
            0o2750,
            .directory([
              ("empty", .directory([])), (longName, .text("long")),
              ("link", .link(Array("../data".utf8))),
              ("names", .rawDirectory([([0x62, 0xff, 0x63], .text("raw"))])),
              ("second", .hardLinked(.text("shared"))), ("älter", .text("umlaut")),
            ]))
        ),
        ("fifo", .mode(0o600, .fifo)), ("first", .hardLinked(.text("shared"))),
        ("lonely", .hardLinked(.text("lonely"))), ("nothing", .text("")),
        ("old", .modified(-86_400, 500_000_000, node: .text("before 1970"))),
        ("sparse", Self.sparse()),
      ], links: [["dir/second", "first"]])
  }

  @Test func fileContent() throws {
    let snapshot = try sample()
    let dump = dump(snapshot)
    #expect(try dump.form(of: SnapshotPath("data".utf8)) == .fileContent)
    #expect(try dump.form(of: .root) == .tarArchive)
    #expect(try dump.form(of: SnapshotPath("dir".utf8)) == .tarArchive)
    #expect(throws: VarveError(.notFound, "")) { try dump.form(of: SnapshotPath("fifo".utf8)) }
    let data = try written("out") { try dump.writeFile(at: SnapshotPath("/data".utf8), to: $0) }
    #expect(data == Self.pattern)
    let sparse = try written("out") { try dump.writeFile(at: SnapshotPath("sparse".utf8), to: $0) }
    guard case .file(let expected, _, _) = Self.sparse() else { return }
    #expect(sparse == expected)
    #expect(
      try written("out") { try dump.writeFile(at: SnapshotPath("nothing".utf8), to: $0) } == [])
    #expect(throws: VarveError(.notFound, "")) {
      try written("out") { try dump.writeFile(at: SnapshotPath("dir".utf8), to: $0) }
    }
  }

  @Test func extractedBySystemTar() throws {
    let snapshot = try sample()
    let archive = try written("archive.tar") { try dump(snapshot).writeTar(at: .root, to: $0) }
    #expect(archive.count % 10_240 == 0)
    try directory.directory("out")
    let path = String(decoding: directory.path, as: UTF8.self)
    let run = try RunProgram(
      ["tar", "-xpf", "\(path)/archive.tar", "-C", "\(path)/out"], in: directory)
    #expect(run.status == 0)
    #expect(run.errors == "" || run.errors.contains("implausibly old time stamp"))

    func contents(_ name: String) throws -> [UInt8] {
      try RunProgram.contents(directory.path + Array("/out/\(name)".utf8))
    }
    func status(_ name: String) -> stat {
      var status = stat()
      #expect(lstat(directory.cPath("out/\(name)"), &status) == 0, "\(name)")
      return status
    }
    #expect(try contents("data") == Self.pattern)
    #expect(status("data").st_mtim.tv_sec == 1_600_000_000)
    #expect(status("data").st_mtim.tv_nsec == 123_456_789)
    #expect(try contents("dir/\(String(repeating: "n", count: 200))") == Array("long".utf8))
    #expect(try contents("dir/älter") == Array("umlaut".utf8))
    let raw = directory.path + Array("/out/dir/names/b".utf8) + [0xff, 0x63]
    #expect(try RunProgram.contents(raw) == Array("raw".utf8))
    #expect(status("dir").st_mode & 0o7777 == 0o2750)
    #expect(status("dir/empty").st_mode & S_IFMT == S_IFDIR)
    #expect(status("dir/link").st_mode & S_IFMT == S_IFLNK)
    #expect(try contents("dir/link") == Self.pattern)
    #expect(status("fifo").st_mode & S_IFMT == S_IFIFO)
    #expect(status("first").st_ino == status("dir/second").st_ino)
    #expect(status("first").st_nlink == 2)
    #expect(try contents("first") == Array("shared".utf8))
    #expect(try contents("lonely") == Array("lonely".utf8))
    #expect(try contents("nothing") == [])
    #expect(status("old").st_mtim.tv_sec == -86_400)
    #expect(status("old").st_mtim.tv_nsec == 500_000_000)
    guard case .file(let sparse, _, _) = Self.sparse() else { return }
    #expect(try contents("sparse") == sparse)
    #expect(status("sparse").st_blocks < 400)
  }

  private static let python = """
    import sys, tarfile, zlib
    with tarfile.open(sys.argv[1]) as tar:
      for m in tar:
        kind = {tarfile.REGTYPE: 'file', tarfile.DIRTYPE: 'dir', tarfile.SYMTYPE: 'sym',
          tarfile.LNKTYPE: 'link', tarfile.FIFOTYPE: 'fifo', tarfile.CHRTYPE: 'char',
          tarfile.BLKTYPE: 'block', tarfile.GNUTYPE_SPARSE: 'file'}[m.type]
        data = tar.extractfile(m).read() if m.isreg() else b''
        extra = sorted(k + '=' + v.encode('utf-8', 'surrogateescape').hex()
          for k, v in m.pax_headers.items() if k.startswith('SCHILY'))
        print(m.name.encode('utf-8', 'surrogateescape').hex(), kind, oct(m.mode), m.uid, m.gid,
          m.uname, m.gname, m.size, m.linkname, m.devmajor, m.devminor, len(data), zlib.crc32(data), *extra)
    """

  /// CRC-32 as zlib computes it.
  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var sum: UInt32 = 0xffff_ffff
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0xedb8_8320 }
    }
    return sum ^ 0xffff_ffff
  }

  private func listedByPython(_ archive: String) throws -> [String] {
    let path = String(decoding: directory.path, as: UTF8.self)
    let run = try RunProgram(
      ["python3", "-c", Self.python, "\(path)/\(archive)"], in: directory)
    #expect(run.status == 0, "\(run.errors)")
    return String(decoding: run.output, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  @Test(.enabled(if: RunProgram.exists("python3")))
  func everyFieldAsPythonReadsIt() throws {
    let attributes = Node.with(.text("abc")) {
      $0.attributes.uid = 3_000_000
      $0.attributes.gid = 7
      $0.user = Array("owner".utf8)
      $0.group = Array("gruppe-ä".utf8)
      $0.extendedAttributes = [
        ExtendedAttribute(name: Array("user.note".utf8), value: [0, 0xff, 0x0a])
      ]
    }
    let snapshot = try chunks.snapshot([
      ("attributes", attributes), ("block", .device(.blockDevice, 8, 17)),
      ("char", .device(.characterDevice, 4_095, 1_048_575)), ("fifo", .fifo),
      ("link", .link([0x78])), ("sparse", Self.sparse()), ("x", .directory([])),
    ])
    _ = try written("archive.tar") { try dump(snapshot).writeTar(at: .root, to: $0) }
    func hex(_ text: String) -> String { Hex.encode(text.utf8) }
    let note = Hex.encode([0, 0xff, 0x0a] as [UInt8])
    guard case .file(let sparse, _, _) = Self.sparse() else { return }
    let checksum = Self.checksum(sparse)
    #expect(
      try listedByPython("archive.tar") == [
        "\(hex("attributes")) file 0o644 3000000 7 owner gruppe-ä 3  0 0 3 \(Self.checksum(Array("abc".utf8))) "
          + "SCHILY.xattr.user.note=\(note)",
        "\(hex("block")) block 0o644 0 0   0  8 17 0 0",
        "\(hex("char")) char 0o644 0 0   0  4095 1048575 0 0",
        "\(hex("fifo")) fifo 0o644 0 0   0  0 0 0 0",
        "\(hex("link")) sym 0o644 0 0   0 x 0 0 0 0",
        "\(hex("sparse")) file 0o644 0 0   1000000  0 0 1000000 \(checksum)",
        "\(hex("x")) dir 0o755 0 0   0  0 0 0 0",
      ])
  }

  @Test(.enabled(if: RunProgram.exists("python3")))
  func partsOfASnapshot() throws {
    let snapshot = try chunks.snapshot(
      [
        ("a", .directory([("b", .directory([("c", .hardLinked(.text("x")))]))])),
        ("z", .hardLinked(.text("x"))),
      ], links: [["a/b/c", "z"]])
    func names(_ path: String, _ base: String = "") throws -> [String] {
      _ = try written("archive.tar") {
        try dump(snapshot).writeTar(
          at: SnapshotPath(path.utf8), relativeTo: SnapshotPath(base.utf8), to: $0)
      }
      return try listedByPython("archive.tar").map { line in
        let fields = line.split(separator: " ", omittingEmptySubsequences: false)
        let name = String(decoding: Hex.decode(fields[0]) ?? [], as: UTF8.self)
        return "\(name) \(fields[1])"
      }
    }
    #expect(try names("/") == ["a dir", "a/b dir", "a/b/c file", "z link"])
    #expect(try names("/a") == ["a dir", "a/b dir", "a/b/c file"])
    #expect(try names("/a/b", "/a") == ["b dir", "b/c file"])
    #expect(try names("/a", "/a") == ["b dir", "b/c file"])
    #expect(try names("/z") == ["z file"])
    #expect(throws: VarveError(.usage, "")) { try names("/a", "/z") }
  }

  @Test func damageIsAnError() throws {
    let snapshot = try chunks.snapshot([("f", .file(Self.pattern)), ("g", .text("g"))])
    chunks.remove(chunks.store(Array(Self.pattern.prefix(1 << 16))))
    #expect(throws: VarveError(.missing, "")) {
      try written("archive.tar") { try dump(snapshot).writeTar(at: .root, to: $0) }
    }
    #expect(throws: VarveError(.missing, "")) {
      try written("out") { try dump(snapshot).writeFile(at: SnapshotPath("f".utf8), to: $0) }
    }
  }
}
