import Glibc
import Testing
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveServer
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// Each kind of token, with each method, on each class of object.
@Suite(.onOwnThreads) struct AccessTests {
  private struct Sample {
    let name: String
    let bytes: [UInt8]
  }

  private static let bytes: [UInt8] = Array("some bytes".utf8)
  private static let digest = SHA256.digest(bytes)
  private static let session = "sessions/0123456789abcdef0123456789abcdef"
  private static let names =
    [
      "config", ObjectName.credential(digest), ObjectName.pack(digest), ObjectName.index(digest),
      ObjectName.snapshot(digest), ObjectName.inventory(digest), ObjectName.commit(0),
      "log/checkpoint", "\(session)-start", "\(session)-beat",
      "\(session)-other", "sessions/x", "lock", "log/commits/1", "packs/00/aa",
    ] + tiles + noTiles
  private static let tiles = ["log/tile/0/000", "log/tile/entries/x999/999"]
  /// What would stand in the way of a tile, or be without end.
  private static let noTiles = [
    "log/tile/0", "log/tile/0/000/x", "log/tile/0/001.p/7", "log/tile/8/000", "log/tile/a/a/a/a",
    "log/tile/0/x001/x000/000",
  ]

  /// What is answered to storing a new object, once more, with `If-None-Match`, once more, and to deleting it.
  private struct Row: Equatable {
    let put, again, create, createAgain, delete: Int
  }

  private static func expected(_ kind: AccessKind, _ name: String) -> Row {
    let isMarker = name.hasSuffix("-start") || name.hasSuffix("-beat")
    let isDerived = name == "log/checkpoint" || tiles.contains(name)
    let isContent =
      ObjectName.digest(of: name) != nil && !name.hasPrefix(ObjectName.credentialPrefix)
    switch kind {
    case .read: return Row(put: 403, again: 403, create: 403, createAgain: 403, delete: 403)
    case .append:
      if name == ObjectName.commit(0) {
        return Row(put: 428, again: 428, create: 201, createAgain: 412, delete: 403)
      }
      guard isMarker || isDerived || isContent else {
        return Row(put: 403, again: 403, create: 403, createAgain: 403, delete: 403)
      }
      return Row(put: 201, again: 204, create: 412, createAgain: 412, delete: isMarker ? 204 : 403)
    case .full:
      let isHistory = name == "config" || name == ObjectName.commit(0)
      return Row(
        put: 201, again: isHistory ? 409 : 204, create: 412, createAgain: 412,
        delete: isHistory ? 403 : 204)
    }
  }

  @Test(arguments: AccessKind.allCases, names)
  func matrix(_ kind: AccessKind, _ name: String) throws {
    let bench = try ServerBench()
    try bench.local().create()
    let token = try bench.token(kind)
    let path = "/v1/web/\(name)"
    let condition = ["If-None-Match: *"]
    func status(_ method: String, _ fields: [String] = [], body: [UInt8]? = nil) throws -> Int {
      try bench.ask(method, path, token: token, fields, body: body).status
    }
    #expect(try status("GET") == 404)
    #expect(try status("POST") == 404)
    let row = Row(
      put: try status("PUT", body: Self.bytes), again: try status("PUT", body: Self.bytes),
      create: try status("PUT", condition, body: Self.bytes),
      createAgain: try status("PUT", condition, body: Self.bytes),
      delete: try status("DELETE"))
    #expect(row == Self.expected(kind, name))
    // What it may do with one that is there.
    try bench.local().put(name, Self.bytes)
    #expect(try status("GET") == 200)
    #expect(try bench.ask("GET", path, token: token).body == Self.bytes)
    #expect(try status("POST") == 204)
    let isKept = Self.expected(kind, name).delete == 403
    #expect(try status("DELETE") == (isKept ? 403 : 204))
    #expect(try bench.local().size(name) == (isKept ? UInt64(Self.bytes.count) : nil))
  }

  /// The server reads them as another user than the administrator who changes them.
  @Test(.enabled(if: geteuid() == 0, "only root gives files away"))
  func tokensStayWithTheirOwner() throws {
    let directory = TemporaryDirectory()
    mkdir(directory("served"), 0o755)
    chown(directory("served"), 65_534, 65_534)
    let file = TokenFile(path: directory("served/.tokens"))
    func owners() -> [uid_t] {
      [".tokens", ".tokens.lock"].map {
        var status = stat()
        stat(directory("served/\($0)"), &status)
        return status.st_uid
      }
    }
    func token(_ label: String) throws -> AccessToken {
      try AccessToken.make(label: label, kind: .read, repository: "web", expires: nil, now: 1).token
    }
    try file.add(token("a"))
    #expect(owners() == [65_534, 65_534])
    try file.add(token("b"))
    _ = try file.remove(id: try #require(try file.tokens().first).id)
    #expect(owners() == [65_534, 65_534])
    chown(directory("served/.tokens"), 1, 1)
    _ = try file.remove(id: try #require(try file.tokens().first).id)
    #expect(owners()[0] == 1)
  }

  /// Without a token, with one for another repository, with one that has ended or was removed: nothing at all.
  @Test func strangers() throws {
    let bench = try ServerBench()
    try bench.local().create()
    try bench.local("other").create()
    try bench.local().put("log/checkpoint", Self.bytes)
    let removed = try bench.token(.full)
    let path = "/v1/web/log/checkpoint"
    #expect(try bench.ask("GET", path, token: removed).status == 200)
    let id = try #require(try bench.tokens.tokens().first).id
    #expect(try bench.tokens.remove(id: id).kind == .full)
    bench.reload()
    let right = try bench.token(.full)
    let presented: [(token: String?, status: Int)] = [
      (nil, 401), ("", 401), ("x", 401), (removed, 401), (right + "0", 401),
      (String(right.dropLast()), 401), (right.uppercased(), 401),
      (try bench.token(.full, expires: 1_800_000_000), 401),
      (try bench.token(.full, for: "other"), 403),
    ]
    for (token, status) in presented {
      for method in ["GET", "HEAD", "PUT", "DELETE", "POST"] {
        let answer = try bench.ask(method, path, token: token, body: method == "PUT" ? [1] : nil)
        #expect(answer.status == status, "\(method) with \(token ?? "none")")
        #expect((answer.fields["www-authenticate"] != nil) == (status == 401))
      }
      #expect(try bench.ask("GET", "/v1/web/?list=", token: token).status == status)
      #expect(try bench.ask("POST", "/v1/web/", token: token).status == status)
    }
    // Whether it is there or not, whose name it is: nothing is to be learnt.
    let other = try bench.token(.full, for: "other")
    let there = try bench.ask("GET", path, token: other)
    let missing = try bench.ask("GET", "/v1/nothing/config", token: other)
    #expect(there.body == missing.body)
    #expect(
      try bench.ask("GET", path, token: try bench.token(.read, expires: 1_800_000_001)).status
        == 200)
    let basic = try bench.ask("GET", path, ["Authorization: Basic \(right)"])
    #expect(basic.status == 401)
    #expect(try bench.local().read("log/checkpoint") == Self.bytes)
  }

  @Test func openServers() throws {
    let bench = try ServerBench { $0.tokens = nil }
    try bench.local().create()
    #expect(try bench.ask("PUT", "/v1/web/log/checkpoint", body: [1]).status == 201)
    #expect(try bench.ask("DELETE", "/v1/web/log/checkpoint").status == 403)
    #expect(try bench.ask("GET", "/v1/web/?list=").status == 200)
  }

  @Test func tokenFiles() throws {
    let bench = try ServerBench()
    for label in ["", "a\nb", String(repeating: "a", count: 101)] {
      #expect(throws: VarveError(.usage, "")) {
        _ = try AccessToken.make(
          label: label, kind: .read, repository: "web", expires: nil, now: 0)
      }
    }
    for name in ["", "..", "a/b", "A", ".a", "tmp", String(repeating: "a", count: 65), "a\u{0}"] {
      #expect(throws: VarveError(.usage, "")) {
        _ = try AccessToken.make(label: "l", kind: .read, repository: name, expires: nil, now: 0)
      }
    }
    let made = try AccessToken.make(
      label: "back-up “host” 1", kind: .append, repository: "web", expires: 7, now: 5)
    try bench.tokens.add(made.token)
    #expect(try bench.tokens.tokens() == [made.token])
    #expect(throws: VarveError(.refused, "")) { try bench.tokens.add(made.token) }
    #expect(throws: VarveError(.notFound, "")) { _ = try bench.tokens.remove(id: "00000000") }
    #expect(made.token.isExpired(at: 7) && !made.token.isExpired(at: 6))
    // The file has no secret in it.
    let secret = made.secret.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    let text = String(
      decoding: try FileBytes.read(bench.tokens.path), as: UTF8.self)
    #expect(!text.contains(secret.dropFirst(4)) && text.contains("\"kind\":\"append\""))
    #expect(secret.utf8.count == 68 && secret.hasPrefix("vst_"))
    // What is no list of tokens is an error, and a running server goes on with what it had.
    let token = try bench.token(.full)
    try bench.local().create()
    try FileBytes.write(Array((text + "{}\n").utf8), to: bench.tokens.path)
    #expect(throws: VarveError(.damaged, "")) { _ = try bench.tokens.tokens() }
    bench.reload()
    #expect(try bench.ask("GET", "/v1/web/?list=", token: token).status == 200)
    #expect(throws: VarveError(.damaged, "")) {
      _ = try StorageServer(
        directory: bench.directory.path,
        options: { () -> StorageServer.Options in
          var options = StorageServer.Options { 0 }
          options.tokens = bench.tokens
          return options
        }())
    }
  }
}
