import Foundation
import Glibc
import Testing
import VarveTestThreads

extension Workspace {
  /// Adds a key file of an owner at `root/name`.
  func addKeyFile(_ name: String, role: String = "owner") throws {
    try succeed("key", "add", "--new-key-file", root + "/" + name, "--role", role)
  }

  /// Unlocks with a key file from now on: no scrypt, so that tests with many commands stay quick.
  func useKeyFile() throws {
    try addKeyFile("key-file")
    environment["VARVE_KEY_FILE"] = root + "/key-file"
    environment["VARVE_PASSWORD_FILE"] = nil
  }
}

@Suite(.onOwnThreads) struct KeyTests {
  private func prepare() throws -> Workspace {
    let here = try Workspace()
    try here.write("data", to: here.source + "/file")
    try here.succeed("init")
    try here.backup()
    return here
  }

  @Test func passwordsAreAddedChangedAndRemoved() throws {
    let here = try prepare()
    let (second, third) = (here.root + "/second", here.root + "/third")
    try here.write("the second password", to: second)
    try here.write("the third password", to: third)
    try here.succeed("key", "add", "--new-password-file", second)
    #expect(try here.succeed("key", "list", "--json").document().list.count == 2)
    try here.succeed("snapshots", "-p", second)

    try here.succeed("key", "passwd", "-p", second, "--new-password-file", third)
    try here.fail(12, "snapshots", "-p", second, saying: ["hint"])
    try here.succeed("snapshots", "-p", third)
    let keys = try here.succeed("key", "list", "--json").document().list
    #expect(keys.count == 2)

    let other = try #require(keys.first { $0["current"].flag == false }?["id"].string)
    let mine = try #require(keys.first { $0["current"].flag == true }?["id"].string)
    try here.fail(1, "key", "remove", mine)
    try here.succeed("key", "remove", other)
    try here.fail(12, "snapshots", "-p", third, saying: ["hint"])
    try here.succeed("snapshots")
    try here.succeed("log", "verify")
    try here.succeed("check", "--read-data")
  }

  /// scrypt takes 1024 · n bytes; `docs/format.md` has the bounds.
  @Test func whatAPasswordCosts() throws {
    let here = try Workspace()
    here.environment["VARVE_PASSWORD_MEMORY"] = nil
    func costs() throws -> [Int] {
      let keys = here.repository + "/keys"
      return try FileManager.default.contentsOfDirectory(atPath: keys).map {
        let object = try Document(parsing: try here.text(of: keys + "/" + $0))
        return object["kdf"]["n"].number ?? 0
      }.sorted()
    }
    for (memory, words) in [
      ("100M", "power of two"), ("8M", "16M to 1G"), ("2G", "16M to 1G"), ("0", "16M to 1G"),
    ] {
      try here.fail(64, "init", "--password-memory", memory, saying: [words])
      #expect(!here.exists(here.repository + "/config"))
    }
    try here.succeed("init", "--password-memory", "32M")
    #expect(try costs() == [1 << 15])
    let (second, third) = (here.root + "/second", here.root + "/third")
    try here.write("the second password", to: second)
    try here.write("the third password", to: third)
    try here.succeed("key", "passwd", "--new-password-file", second)
    #expect(try costs() == [1 << 15])
    try here.succeed("key", "add", "-p", second, "--new-password-file", third)
    #expect(try costs() == [1 << 15, 1 << 17])
    here.environment["VARVE_PASSWORD_MEMORY"] = "16M"
    try here.succeed("key", "passwd", "-p", third, "--new-password-file", here.passwordFile)
    #expect(try costs() == [1 << 14, 1 << 15])
    try here.succeed("key", "rotate", "-p", second)
    #expect(try costs() == [1 << 14, 1 << 15])
    here.environment["VARVE_PASSWORD_MEMORY"] = "much"
    try here.fail(
      64, "key", "add", "-p", second, "--new-password-file", third,
      saying: ["VARVE_PASSWORD_MEMORY"])
  }

  @Test func keyFilesUnlockWithoutAPassword() throws {
    let here = try prepare()
    try here.addKeyFile("unattended")
    var status = stat()
    stat(here.root + "/unattended", &status)
    #expect(status.st_mode & 0o777 == 0o600)
    here.environment["VARVE_PASSWORD_FILE"] = nil
    try here.succeed("snapshots", "--key-file", here.root + "/unattended")
    // Existing files are not overwritten: a lost key file cannot be made again.
    here.environment["VARVE_PASSWORD_FILE"] = here.passwordFile
    let again = try here.varve("key", "add", "--new-key-file", here.root + "/unattended")
    #expect(again.code != 0)
  }

  @Test func writersAppendAndCannotRead() throws {
    let here = try prepare()
    try here.addKeyFile("writer", role: "writer")
    here.environment["VARVE_PASSWORD_FILE"] = nil
    let key = here.root + "/writer"
    try here.write("written by the writer", to: here.source + "/file")
    try here.succeed("backup", here.source, "--key-file", key)
    for command in [
      ["restore", "latest", "--target", here.target], ["dump", "latest", here.source + "/file"],
    ] {
      let outcome = try here.varve(command + ["--key-file", key])
      #expect(outcome.code == 1, "\(command[0]): \(outcome.code) \(outcome.errors)")
      #expect(outcome.errors.contains("hint"))
    }
    #expect(
      try here.varve("key", "add", "--new-key-file", here.root + "/x", "--key-file", key).code != 0)
    here.environment["VARVE_PASSWORD_FILE"] = here.passwordFile
    #expect(
      try here.succeed("dump", "latest", here.source + "/file").text == "written by the writer")
  }

  @Test func readersReadAndCannotAppend() throws {
    let here = try prepare()
    try here.addKeyFile("reader", role: "reader")
    here.environment["VARVE_PASSWORD_FILE"] = nil
    let key = here.root + "/reader"
    #expect(
      try here.succeed("dump", "latest", here.source + "/file", "--key-file", key).text == "data")
    let before = here.objects("log/commits/")
    let outcome = try here.varve("backup", here.source, "--key-file", key)
    #expect(outcome.code == 1, "\(outcome.code) \(outcome.errors)")
    #expect(outcome.errors.contains("hint"))
    #expect(here.objects("log/commits/") == before)
  }

  @Test func theRecoveryKeyOpensARepositoryWithoutCredentials() throws {
    let here = try prepare()
    let recovery = here.root + "/recovery"
    try here.succeed("key", "export", recovery)
    var status = stat()
    stat(recovery, &status)
    #expect(status.st_mode & 0o777 == 0o600)
    for name in here.objects("keys/") { unlink(here.repository + "/" + name) }
    here.environment["VARVE_PASSWORD_FILE"] = nil
    #expect(
      try here.succeed("dump", "latest", here.source + "/file", "--key-file", recovery).text
        == "data")
    let password = here.root + "/after"
    try here.write("a new password", to: password)
    try here.succeed("key", "import", recovery, "--new-password-file", password)
    try here.succeed("snapshots", "-p", password)
    try here.succeed("backup", here.source, "-p", password)
    try here.succeed("log", "verify", "-p", password)
  }

  @Test func mistypedKeyFilesAreExplained() throws {
    let here = try prepare()
    try here.addKeyFile("typed")
    let path = here.root + "/typed"
    var text = try here.read(path)
    let last = try #require(text.lastIndex { $0 != UInt8(ascii: "\n") })
    text[last] = text[last] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
    try here.write(text, to: path)
    here.environment["VARVE_PASSWORD_FILE"] = nil
    try here.fail(12, "snapshots", "--key-file", path, saying: ["hint"])
    try here.fail(1, "snapshots", "--key-file", here.root + "/absent", saying: ["absent"])
  }

  @Test func aRotatedKeyFileIsCalledOne() throws {
    let here = try prepare()
    try here.useKeyFile()
    #expect(try here.succeed("key", "rotate").text.hasPrefix("rotated key file "))
    try here.succeed("snapshots")
  }

  /// A disk that takes the name of the key file and not its text: the old one must go on to open.
  @Test(.enabled(if: Mounting.isPossible)) func aKeyFileThatCannotBeWrittenChangesNothing() throws {
    let here = try prepare()
    try here.addKeyFile("writer", role: "writer")
    let writer = try #require(
      try here.succeed("key", "list", "--json").document().list.first {
        $0["role"].string == "writer"
      }?["id"].string)
    let before = here.objects()
    let outcome = try here.runMounting(
      """
      mkdir "$root/full" && mount -t tmpfs -o size=4k tmpfs "$root/full" || exit 99
      head -c 4096 /dev/zero > "$root/full/filler"
      "$varve" key rotate \(writer) --new-key-file "$root/full/new"; echo "rotate $?"
      "$varve" key add --new-key-file "$root/full/new"; echo "add $?"
      ls "$root/full"
      """)
    #expect(outcome.text == "rotate 1\nadd 1\nfiller\n", "\(outcome.text)\(outcome.errors)")
    #expect(outcome.errors.contains("hint"))
    #expect(here.objects() == before)
    here.environment["VARVE_PASSWORD_FILE"] = nil
    try here.succeed("backup", here.source, "--key-file", here.root + "/writer")
  }

  @Test func undoTakesAnIdTwice() throws {
    let here = try prepare()
    try here.backup()
    let id = try #require(try here.snapshots().first?["id"].string)
    try here.succeed("forget", id)
    let said = try here.succeed("undo", id, String(id.prefix(8)), "--json").document()
    #expect(said["snapshots"].list.count == 1)
    #expect(try here.snapshots().count == 2)
  }
}
