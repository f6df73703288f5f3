import Testing
import VarveFormat
import VarveRemoteStorage

@Suite struct SFTPLocationTests {
  @Test(arguments: [
    ("sftp:alice@host:/srv/varve", "alice", "host", nil, "/srv/varve"),
    ("sftp:host:varve/laptop/", nil, "host", nil, "varve/laptop"),
    ("sftp:host:/", nil, "host", nil, "/"),
    ("sftp:a@b@host:x", "a@b", "host", nil, "x"),
    ("sftp:alice@[fe80::1]:/srv", "alice", "fe80::1", nil, "/srv"),
    ("sftp:host:/with:colon", nil, "host", nil, "/with:colon"),
    ("sftp://alice@host:2222//srv/varve", "alice", "host", 2222, "/srv/varve"),
    ("sftp://host/varve", nil, "host", nil, "varve"),
    ("sftp://[::1]:22/a%20b%25", nil, "::1", 22, "a b%"),
    ("sftp://alice@host/a@b:c%25", "alice", "host", nil, "a@b:c%"),
    ("sftp:host:./a@b", nil, "host", nil, "./a@b"), ("sftp:host:a/b@c", nil, "host", nil, "a/b@c"),
  ])
  func placesAreRead(
    text: String, user: String?, host: String, port: UInt16?, path: String
  ) throws {
    let location = try SFTPLocation(text)
    #expect(location.user == user)
    #expect(location.host == host)
    #expect(location.port == port)
    #expect(location.path == path)
    #expect(try SFTPLocation(location.text) == location)
  }

  @Test(arguments: [
    "sftp:", "sftp:host", "sftp:host:", "sftp::/path", "sftp:@host:/path", "sftp:-oProxyCommand:/x",
    "sftp:-l@host:/x", "sftp:ho st:/x", "sftp://host", "sftp://host/", "sftp://host:0/x",
    "sftp://host:65536/x", "sftp://host:+22/x", "sftp://host:/x", "sftp://host/%zz",
    "sftp://host/%ff", "sftp://[::1/x", "sftp://[::1]2/x", "sftp:host:/a\nb", "sftp:host:/a\u{0}b",
    "sftp://host/a%00b", "s3:host:/x", "/path",
  ])
  func otherPlacesAreRefused(text: String) {
    #expect(throws: VarveError(.usage, "")) { try SFTPLocation(text) }
  }

  @Test(arguments: [
    "sftp://alice:secret@host/x", "sftp://alice:secret@host", "sftp://alice:secret@host/%zz",
    "sftp://alice:secret@host:0/x", "sftp://alice:secret@[::1/x", "sftp://alice:se/secret@host/x",
    "sftp://alice:se@secret@host/", "sftp:alice:secret@host:/x", "sftp:alice:secret@host:x",
    "sftp:alice:secret@host", "sftp:alice:secret@[::1]:/x",
  ])
  func aPasswordIsNeitherTakenNorRepeated(text: String) {
    let error = #expect(throws: VarveError.self) { try SFTPLocation(text) }
    #expect(error?.code == .usage)
    #expect(error.map { "\($0) \($0.hint ?? "")".contains("secret") } == false)
    #expect(error?.message.contains("…@") == true)
  }

  /// What has no password in it is shown as it is.
  @Test(arguments: ["sftp:-l@host:/x", "sftp://alice@host", "sftp://host:0/x"])
  func whatIsRefusedIsShown(text: String) {
    let error = #expect(throws: VarveError.self) { try SFTPLocation(text) }
    #expect(error?.message.contains(text) == true)
  }

  @Test(arguments: [
    ("ssh  -p 22\thost -s sftp", ["ssh", "-p", "22", "host", "-s", "sftp"]),
    (#"a 'b c' "d e" f\ g"#, ["a", "b c", "d e", "f g"]),
    (#"'a\b' "a\b" "a\"b" "a\\b""#, [#"a\b"#, #"a\b"#, #"a"b"#, #"a\b"#]),
    ("x'y'\"z\" '' ", ["xyz", ""]),
    ("", []),
  ])
  func commandsAreCutIntoWords(text: String, words: [String]) throws {
    #expect(try SSHCommandLine.words(text) == words)
  }

  @Test(arguments: ["a 'b", "a \"b", "a\\", "\"a\\"])
  func openQuotesAreRefused(text: String) {
    #expect(throws: VarveError(.usage, "")) { try SSHCommandLine.words(text) }
  }
}
