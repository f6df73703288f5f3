import Glibc
import Testing
import VarveCommands
import VarveCrypto
import VarveFormat
import VarveOperations

@Suite struct SecretFileTests {
  private func text(_ secret: borrowing SecretBytes) -> String {
    secret.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  @Test(arguments: [
    ("plain", "plain"), ("with end\n", "with end"), ("windows\r\n", "windows"),
    ("two\n\n", "two"), ("in\nner\n", "in\nner"), (" blanks \n", " blanks "),
  ])
  func lineEndsAtTheEndAreDropped(_ content: String, _ expected: String) throws {
    var template = Array("/tmp/varve-secret-XXXXXX".utf8CString)
    let file = mkstemp(&template)
    try #require(file >= 0)
    defer {
      close(file)
      unlink(template)
    }
    let bytes = Array(content.utf8)
    #expect(write(file, bytes, bytes.count) == bytes.count)
    let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    #expect(text(try SecretFile.password(at: path)) == expected)
  }

  @Test func aCommandGivesThePassword() throws {
    #expect(
      text(try SecretFile.password(command: "printf 'from a command\\n'")) == "from a command")
  }

  @Test(arguments: ["exit 3", "echo half; exit 1", "kill -9 $$", "/no/such/program"])
  func aCommandThatFailsGivesNone(_ command: String) {
    #expect(throws: VarveError(.io, "")) {
      _ = text(try SecretFile.password(command: command))
    }
  }

  @Test func nothingIsNoPassword() {
    for command in ["true", "printf '\\n\\n'"] {
      #expect(throws: VarveError(.usage, "")) {
        _ = text(try SecretFile.password(command: command))
      }
    }
    #expect(throws: VarveError(.io, "")) {
      _ = text(try SecretFile.password(at: "/no/such/file"))
    }
  }

  @Test func whatIsTooLongIsRefused() {
    #expect(throws: VarveError(.usage, "")) {
      _ = text(try SecretFile.password(command: "head -c 100000 /dev/zero"))
    }
  }
}
