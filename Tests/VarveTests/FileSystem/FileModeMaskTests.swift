import Glibc
import Testing
import Varve

@Suite struct FileModeMaskTests {
  private func mask(_ text: String) -> UInt16? {
    Array(text.utf8).withUnsafeBytes { FileModeMask.mask(inStatus: $0) }
  }

  @Test func theLineIsFound() {
    #expect(mask("Name:\tvarve\nUmask:\t0022\nState:\tR (running)\n") == 0o022)
    #expect(mask("Umask:\t0077") == 0o077)
    #expect(mask("Umask: 0\n") == 0)
  }

  @Test func whatIsNoMaskIsNone() {
    #expect(mask("") == nil)
    #expect(mask("Name:\tUmask:\t0022\n") == nil)
    #expect(mask("Umask:\n") == nil)
    #expect(mask("Umask:\t0089\n") == nil)
    #expect(mask("Umask:\t7777777\n") == nil)
  }

  /// What a new file loses shows the mask without changing it for other tests.
  @Test func itIsWhatNewFilesLose() throws {
    let scratch = try ScratchDirectory()
    let file = open(scratch.cPath("file"), O_WRONLY | O_CREAT | O_EXCL, 0o777)
    try #require(file >= 0)
    defer { close(file) }
    var status = stat()
    try #require(fstat(file, &status) == 0)
    #expect(UInt16(status.st_mode & 0o777) == 0o777 & ~FileModeMask.current)
  }
}
