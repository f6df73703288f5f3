import CVarveLinux
import Glibc
import Testing
import Varve
import VarveFormat
import VarveTestSupport

@Suite final class FileMetadataTests {
  let temporary = TemporaryDirectory()
  let directory: Descriptor

  init() {
    directory = Descriptor(owning: OpenAt.userDirectory(temporary.path))
  }

  private func create(_ name: String) -> Descriptor {
    Descriptor(owning: varve_open(directory.number, name, O_CREAT | O_RDWR, 0o640))
  }

  @Test func statusOfEachKind() throws {
    let file = create("file")
    #expect(varve_pwrite(file.number, "hello", 5, 0) == 5)
    #expect(varve_fchmod(file.number, 0o6751) == 0)
    #expect(varve_set_times(directory.number, "file", 0, 11, 12, -3, 999_999_999) == 0)
    symlink("nowhere", temporary("link"))
    mkfifo(temporary("fifo"), 0o600)
    mkdir(temporary("directory"), 0o1770)

    var status = FileStatus()
    #expect(FileStatus.read(directory.number, "file", into: &status) == 0)
    #expect(status.type == .file)
    #expect(status.mode == 0o6751)
    #expect(status.size == 5)
    #expect(status.modified == FileTime(seconds: -3, nanoseconds: 999_999_999))
    #expect(status.accessed == FileTime(seconds: 11, nanoseconds: 12))
    #expect(status.owner == getuid())
    #expect(status.links == 1)
    let inode = status.inode
    #expect(FileStatus.read(file.number, into: &status) == 0)
    #expect(status.inode == inode)

    #expect(FileStatus.read(directory.number, "link", into: &status) == 0)
    #expect(status.type == .link)
    #expect(status.size == 7)
    #expect(FileStatus.read(directory.number, "fifo", into: &status) == 0)
    #expect(status.type == .fifo)
    #expect(FileStatus.read(directory.number, "directory", into: &status) == 0)
    #expect(status.type == .directory)
    #expect(FileStatus.read(directory.number, "absent", into: &status) == ENOENT)
  }

  @Test func timesCompare() {
    let early = FileTime(seconds: -1, nanoseconds: 999_999_999)
    #expect(early < FileTime(seconds: 0, nanoseconds: 0))
    #expect(FileTime(seconds: 5, nanoseconds: 1) < FileTime(seconds: 5, nanoseconds: 2))
    #expect(!(early < early))
  }

  @Test func holesAreFound() throws {
    let file = create("sparse")
    let block = [UInt8](repeating: 1, count: 65_536)
    let size: UInt64 = 10 << 20
    #expect(varve_truncate(file.number, Int64(size)) == 0)
    #expect(varve_pwrite(file.number, block, block.count, 1 << 20) == block.count)
    #expect(varve_pwrite(file.number, block, block.count, 4 << 20) == block.count)
    var status = FileStatus()
    #expect(FileStatus.read(file.number, into: &status) == 0)
    #expect(status.mayHaveHoles)
    var holes: [Hole] = []
    #expect(FileHoles.read(file.number, size: size, into: &holes) == 0)
    let islands = UInt64(block.count)
    #expect(
      holes == [
        Hole(offset: 0, length: 1 << 20),
        Hole(offset: 1 << 20 + islands, length: 3 << 20 - islands),
        Hole(offset: 4 << 20 + islands, length: 6 << 20 - islands),
      ])
    #expect(FileHoles.read(file.number, size: 2 << 20, into: &holes) == 0)
    #expect(holes.last == Hole(offset: 1 << 20 + islands, length: 1 << 20 - islands))

    let full = create("full")
    #expect(varve_pwrite(full.number, block, block.count, 0) == block.count)
    #expect(FileHoles.read(full.number, size: islands, into: &holes) == 0)
    #expect(holes.isEmpty)
    #expect(FileHoles.read(full.number, size: 0, into: &holes) == 0)
    #expect(holes.isEmpty)
  }

  @Test func extendedAttributesRoundTrip() throws {
    let file = create("file")
    var found: [ExtendedAttribute] = [ExtendedAttribute(name: [1], value: [2])]
    #expect(ExtendedAttributes.read(file.number, into: &found) == 0)
    #expect(found.isEmpty)
    let big = [UInt8](repeating: 7, count: 1_500)
    let expected: [ExtendedAttribute] = [
      ExtendedAttribute(name: Array("user.a".utf8), value: [0, 255, 0]),
      ExtendedAttribute(name: Array("user.b".utf8), value: []),
      ExtendedAttribute(name: Array("user.\u{e9}".utf8), value: big),
    ]
    for attribute in expected.reversed() {
      let result = ExtendedAttributes.set(file.number, attribute.name, attribute.value)
      if result == EOPNOTSUPP { return }
      #expect(result == 0)
    }
    #expect(ExtendedAttributes.read(file.number, into: &found) == 0)
    #expect(found == expected)
    #expect(ExtendedAttributes.read(directory.number, "file", into: &found) == 0)
    #expect(found == expected)
    #expect(ExtendedAttributes.remove(file.number, Array("user.a".utf8)) == 0)
    #expect(ExtendedAttributes.read(file.number, into: &found) == 0)
    #expect(found.count == 2)
    #expect(ExtendedAttributes.set(file.number, [0x75, 0], [1]) == EINVAL)
  }

  @Test func extendedAttributesOfALinkAreItsOwn() throws {
    let plain = create("file")
    symlink("file", temporary("link"))
    #expect(ExtendedAttributes.set(plain.number, Array("user.a".utf8), [1]) == 0)
    var found: [ExtendedAttribute] = []
    #expect(ExtendedAttributes.read(directory.number, "link", into: &found) == 0)
    #expect(found.isEmpty)
    // User attributes are refused on links; that the refusal comes shows that none was followed.
    let link = Descriptor(
      owning: varve_open(directory.number, "link", varve_o_path | O_NOFOLLOW, 0))
    #expect(ExtendedAttributes.set(path: link.number, Array("user.b".utf8), [1]) == EPERM)
    let file = Descriptor(
      owning: varve_open(directory.number, "file", varve_o_path | O_NOFOLLOW, 0))
    #expect(ExtendedAttributes.set(path: file.number, Array("user.b".utf8), [1]) == 0)
    #expect(ExtendedAttributes.read(directory.number, "file", into: &found) == 0)
    #expect(found.count == 2)
  }

  @Test func inodeFlagsRoundTrip() throws {
    let file = create("file")
    var flags: UInt32 = 99
    #expect(InodeFlags.read(file.number, into: &flags) == 0)
    let noDump: UInt32 = 0x40
    let result = InodeFlags.set(file.number, flags | noDump)
    if result == EOPNOTSUPP { return }
    #expect(result == 0)
    #expect(InodeFlags.read(file.number, into: &flags) == 0)
    #expect(flags & noDump != 0)
    #expect(InodeFlags.set(file.number, flags & ~noDump) == 0)
    #expect(InodeFlags.read(file.number, into: &flags) == 0)
    #expect(flags & noDump == 0)
  }

  @Test func accountsHaveNamesAndNumbers() throws {
    let accounts = AccountNames()
    let name = try #require(accounts.user(0))
    #expect(name == Array("root".utf8))
    #expect(accounts.user(0) == name)
    #expect(accounts.userNumber(name) == 0)
    #expect(accounts.userNumber(name) == 0)
    let group = try #require(accounts.group(0))
    #expect(accounts.groupNumber(group) == 0)
    #expect(accounts.user(4_000_000_001) == nil)
    #expect(accounts.group(4_000_000_001) == nil)
    #expect(accounts.userNumber(Array("no such user\0".utf8)) == nil)
    #expect(accounts.groupNumber(Array("no-such-group".utf8)) == nil)
  }

  @Test func pathsThroughADescriptor() {
    for number: Int32 in [0, 9, 10, 123, Int32.max] {
      #expect(
        ProcessPath.with(number, "x y") { String(cString: $0) } == "/proc/self/fd/\(number)/x y")
      #expect(ProcessPath.with(number, nil) { String(cString: $0) } == "/proc/self/fd/\(number)")
    }
  }
}
