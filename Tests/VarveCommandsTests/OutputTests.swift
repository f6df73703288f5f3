import Glibc
import Testing
import VarveCommands
import VarveFormat

@Suite struct OutputTests {
  @Test func aFullDiskIsAnErrorAtTheLatestWhenFlushed() throws {
    let file = open("/dev/full", O_WRONLY)
    try #require(file >= 0)
    defer { close(file) }
    let output = OutputStream(descriptor: file)
    try output.write(Array("a line\n".utf8))
    #expect(throws: VarveError(.io, "")) { try output.flush() }
    #expect(throws: VarveError(.io, "")) { try output.write([1]) }
  }

  @Test func aReaderThatHasGoneIsNotWorthAMessage() throws {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    close(ends[0])
    defer { close(ends[1]) }
    let output = OutputStream(descriptor: ends[1])
    #expect(throws: OutputClosed.self) { try output.write([1, 2, 3], flushing: true) }
  }

  @Test func everythingComesInOrder() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    defer { close(ends[0]) }
    let output = OutputStream(descriptor: ends[1])
    let large = [UInt8](repeating: 7, count: 40_000)
    try output.write([1, 2])
    try output.write(large)
    try output.write([3])
    try output.flush()
    close(ends[1])
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = read(ends[0], &buffer, buffer.count), count > 0 {
      received += buffer[..<count]
    }
    #expect(received == [1, 2] + large + [3])
  }

  @Test(
    arguments: [
      (EntryType.file, 0o644, "-rw-r--r--", "-rw-r--r--", 0o644),
      (.file, 0o4755, "-rwsr-xr-x", "urwxr-xr-x", 0o755 | 1 << 23),
      (.file, 0o6640, "-rwSr-S---", "ugrw-r-----", 0o640 | 1 << 23 | 1 << 22),
      (.directory, 0o1777, "drwxrwxrwt", "dtrwxrwxrwx", 0o777 | 1 << 31 | 1 << 20),
      (.directory, 0o1770, "drwxrwx--T", "dtrwxrwx---", 0o770 | 1 << 31 | 1 << 20),
      (.link, 0o777, "lrwxrwxrwx", "Lrwxrwxrwx", 0o777 | 1 << 27),
      (.fifo, 0o600, "prw-------", "prw-------", 0o600 | 1 << 25),
      (.characterDevice, 0o620, "crw--w----", "Dcrw--w----", 0o620 | 1 << 26 | 1 << 21),
      (.blockDevice, 0o660, "brw-rw----", "Drw-rw----", 0o660 | 1 << 26),
    ] as [(EntryType, UInt16, String, String, UInt32)])
  func modes(_ type: EntryType, _ mode: UInt16, _ text: String, _ go: String, _ number: UInt32) {
    #expect(EntryText.permissions(type, mode) == text)
    #expect(EntryText.goPermissions(type, mode) == go)
    #expect(EntryText.goMode(type, mode) == number)
  }
}
