import CVarveLinux
import Glibc
import Testing
import Varve
import VarveTestSupport

@Suite struct DirectoryListingTests {
  let temporary = TemporaryDirectory()

  private func make(_ names: [[UInt8]]) -> Descriptor {
    let directory = Descriptor(owning: OpenAt.userDirectory(temporary.path))
    for name in names {
      let file = (name + [0]).withUnsafeBytes {
        varve_open(
          directory.number, $0.baseAddress!.assumingMemoryBound(to: CChar.self),
          O_CREAT | O_WRONLY | O_EXCL, 0o600)
      }
      #expect(file >= 0)
      close(file)
    }
    return directory
  }

  @Test func namesAreSortedByTheirBytes() throws {
    var names: [[UInt8]] = [
      "a", "ab", "abcdefgh", "abcdefg", "abcdefghi", "abcdefghj", "abcdefgi", "b", "B", ".hidden",
      "...", "..a", "~", " ", "\n", "é",
    ].map { Array($0.utf8) }
    names += [[0xff, 0xfe], [0x80], [0x7f], [0x01], Array(repeating: 0x78, count: 255)]
    for number in 0..<500 { names.append(Array("common-prefix-\(number)".utf8)) }
    let directory = make(names)
    var listing = DirectoryListing()
    #expect(listing.load(directory.number) == 0)
    let found = (0..<listing.count).map { Array(listing.bytes($0)) }
    #expect(found == names.sorted { $0.lexicographicallyPrecedes($1) })
    for index in 0..<listing.count {
      #expect(strlen(listing.name(index)) == listing.bytes(index).count)
    }
  }

  @Test func buffersAreUsedAgain() throws {
    let directory = make([[0x61], [0x62], [0x63]])
    mkdir(temporary("a-directory"), 0o700)
    var listing = DirectoryListing()
    #expect(listing.load(directory.number) == 0)
    #expect(listing.count == 4)
    let inner = Descriptor(owning: OpenAt.directory(directory.number, "a-directory"))
    #expect(listing.load(inner.number) == 0)
    #expect(listing.count == 0)
    let again = Descriptor(owning: OpenAt.userDirectory(temporary.path))
    #expect(listing.load(again.number) == 0)
    let found = (0..<listing.count).map { String(cString: listing.name($0)) }
    #expect(found == ["a", "a-directory", "b", "c"])
    #expect(listing.type(1) == UInt8(DT_DIR) || listing.type(1) == UInt8(DT_UNKNOWN))
  }

  @Test func whatIsNoDirectoryIsAnError() throws {
    let directory = make([[0x61]])
    let file = Descriptor(owning: OpenAt.file(directory.number, "a"))
    var listing = DirectoryListing()
    #expect(listing.load(file.number) == ENOTDIR)
    #expect(listing.count == 0)
    #expect(OpenAt.directory(directory.number, "a") == -ENOTDIR)
    symlink("..", temporary("up"))
    #expect(OpenAt.directory(directory.number, "up") < 0)
    #expect(OpenAt.file(directory.number, "up") == -ELOOP)
  }
}
