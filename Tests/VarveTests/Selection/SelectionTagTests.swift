import Glibc
import Testing
import Varve
import VarveFormat

@Suite struct SelectionTagTests {
  private func presence(_ tag: ExclusionTag, _ directory: ScratchDirectory) -> ExclusionTag.Presence
  {
    let descriptor = open(directory.path.map { CChar(bitPattern: $0) } + [0], O_RDONLY)
    defer { close(descriptor) }
    return tag.presence(in: descriptor)
  }

  private func isInvalid(_ presence: ExclusionTag.Presence) -> Bool {
    if case .invalid = presence { true } else { false }
  }

  @Test func parsing() throws {
    #expect(try ExclusionTag(parsing: Array(".nobackup".utf8)).header.isEmpty)
    let tag = try ExclusionTag(parsing: Array("TAG:head:er".utf8))
    #expect(tag.name == Array("TAG".utf8))
    #expect(tag.header == Array("head:er".utf8))
    for bad in ["", ":x", "a/b"] {
      #expect(throws: VarveError(.usage, "")) { try ExclusionTag(parsing: Array(bad.utf8)) }
    }
  }

  @Test func presenceAlone() throws {
    let directory = try ScratchDirectory()
    let tag = ExclusionTag(name: Array(".nobackup".utf8))
    #expect(presence(tag, directory) == .absent)
    try directory.directory(".nobackup")
    #expect(presence(tag, directory) == .present)
  }

  @Test func headers() throws {
    let directory = try ScratchDirectory()
    let tag = try ExclusionTag(parsing: Array("TAG:head".utf8))
    _ = try directory.file("TAG", Array("hea".utf8))
    #expect(isInvalid(presence(tag, directory)))
    _ = try directory.file("TAG", Array("Head and more".utf8))
    #expect(isInvalid(presence(tag, directory)))
    _ = try directory.file("TAG", Array("head and more".utf8))
    #expect(presence(tag, directory) == .present)
  }

  @Test func cacheDirectories() throws {
    let signature = Array("Signature: 8a477f597d28d172789f06886806bc55\n# more\n".utf8)
    let directory = try ScratchDirectory()
    #expect(presence(.cacheDirectory, directory) == .absent)
    let real = try directory.file("elsewhere", signature)
    #expect(symlink(real.map { CChar(bitPattern: $0) } + [0], directory.cPath("CACHEDIR.TAG")) == 0)
    #expect(isInvalid(presence(.cacheDirectory, directory)))
    unlink(directory.cPath("CACHEDIR.TAG"))
    #expect(mkfifo(directory.cPath("CACHEDIR.TAG"), 0o600) == 0)
    #expect(isInvalid(presence(.cacheDirectory, directory)))
    unlink(directory.cPath("CACHEDIR.TAG"))
    _ = try directory.file("CACHEDIR.TAG", signature)
    #expect(presence(.cacheDirectory, directory) == .present)
  }
}
