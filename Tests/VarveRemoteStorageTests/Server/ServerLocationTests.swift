import Testing
import VarveCrypto
import VarveFormat
import VarveRemoteStorage

@Suite struct ServerLocationTests {
  @Test(
    arguments: [
      ("varve+https://backup.example:8443/web", "backup.example", 8443, "web", true),
      ("varve+https://backup.example/web", "backup.example", 8443, "web", true),
      ("varve+http://127.0.0.1:80/a.b-c/", "127.0.0.1", 80, "a.b-c", false),
      ("varve+https://[::1]:9/web", "[::1]", 9, "web", true),
      ("varve+https://[fe80::1]/web", "[fe80::1]", 8443, "web", true),
    ] as [(String, String, Int, String, Bool)])
  func locations(
    _ text: String, _ host: String, _ port: Int, _ repository: String, _ isEncrypted: Bool
  ) throws {
    let location = try ServerLocation(text)
    #expect(location.host == host && location.port == port)
    #expect(location.repository == repository && location.isEncrypted == isEncrypted)
    #expect(ServerLocation.describes(text))
    // What is shown can be given again.
    #expect(try ServerLocation(location.text) == location)
  }

  @Test(arguments: [
    "", "web", "https://host/web", "varve+https://", "varve+https://host", "varve+https:///web",
    "varve+https://host/", "varve+https://host//", "varve+https://host/a/b",
    "varve+https://host/..", "varve+https://host/.a", "varve+https://host/Web",
    "varve+https://host/tmp", "varve+https://host:0/web", "varve+https://host:65536/web",
    "varve+https://host:/web", "varve+https://host:x/web", "varve+https://:1/web",
    "varve+https://ho st/web", "varve+https://host/web?x", "varve+https://host/web#x",
    "varve+https://::1/web", "varve+https://[::1/web", "varve+https://[]/web",
    "varve+https://[::1]x:1/web", "varve+https://h\u{e4}/web", "varve+https://host%2f/web",
    "varve+https://host/" + String(repeating: "a", count: 65),
  ])
  func noLocations(_ text: String) {
    #expect(throws: VarveError(.usage, "")) { try ServerLocation(text) }
  }

  /// A secret in the address is refused, and not shown.
  @Test(arguments: ["varve+https://vst_secret@host/web", "varve+https://user:secret@host/web"])
  func secretsInAddresses(_ text: String) {
    do {
      _ = try ServerLocation(text)
      Issue.record("accepted")
    } catch let error as VarveError {
      #expect(error.code == .usage)
      #expect(!"\(error.message)\(error.hint ?? "")".contains("secret"))
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test func credentials() throws {
    func credential(_ text: String) throws {
      _ = try ServerCredential(SecretBytes(copying: Array(text.utf8)))
    }
    try credential("vst_0")
    try credential(" vst_0\r\n")
    for text in ["", " \n", "two words", "a\u{0}b", "a\nb", "t\u{f6}ken"] {
      #expect(throws: VarveError(.usage, "")) { try credential(text) }
    }
    #expect(throws: VarveError(.usage, "")) { try credential(String(repeating: "a", count: 513)) }
  }
}
