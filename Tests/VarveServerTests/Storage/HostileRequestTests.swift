import Glibc
import Testing
import VarveCrypto
import VarveFormat
import VarveServer
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// Requests that no client of ours makes.
@Suite(.onOwnThreads) struct HostileRequestTests {
  /// Ways to write a path that leads out, and what else is no name; all of them after `/v1/`.
  private static let paths = [
    "web/../secret", "web/..%2fsecret", "web/%2e%2e/secret", "web/%2e%2e%2fsecret",
    "web/%252e%252e%252fsecret", "web/..%5csecret", "web/..\\secret", "web//etc/passwd",
    "web/%2fetc/passwd", "web/packs/../../secret", "web/packs/%2e%2e/%2e%2e/secret",
    "web/secret%00", "web/%00secret", "web/.%00./secret", "web/%c0%ae%c0%ae/secret",
    "web/%c0%ae%c0%ae%c0%afsecret", "web/%e0%80%ae%e0%80%ae/secret", "web/%ff", "web/%",
    "web/%2", "web/%zz", "web/%u002e%u002e/secret", "web/....//secret", "web/.tokens",
    "web/tmp/x", "web/tmp", "web/a/./b", "web/a//b", "web/a/", "web/A",
    "web/a b".replacing(" ", with: "%20"),
    "../secret", "%2e%2e/secret", "..%2fweb/config", "./config", ".tokens/", "tmp/config",
    "web%2fconfig/x", "WEB/config", "%77eb%00/config", "web;/config", "web/config;a=b",
    "web/" + String(repeating: "a", count: 256), String(repeating: "a", count: 65) + "/config",
    "web/config%0d%0aX:%20y", "web/\u{e9}", "web/\u{202e}",
  ]

  @Test(arguments: paths)
  func namesThatLeadOut(_ path: String) throws {
    let bench = try ServerBench()
    try bench.local().create()
    let token = try bench.token(.full)
    try FileBytes.write([42], to: bench.directory("secret"))
    let before = try Self.files(bench)
    for method in ["GET", "HEAD", "PUT", "DELETE", "POST"] {
      let answer = try bench.ask(
        method, "/v1/" + path, token: token, body: method == "PUT" ? [1, 2] : nil)
      #expect([400, 403, 404, 405].contains(answer.status), "\(method) \(path): \(answer.status)")
      #expect(!answer.body.contains(42) || answer.status != 200)
    }
    #expect(try Self.files(bench) == before)
  }

  private static func files(_ bench: ServerBench) throws -> [String] {
    let list = bench.directory("../listing-\(UInt32.random(in: 0...UInt32.max))")
    defer { unlink(list) }
    try ChildProgram(["find", bench.directory.path, "-type", "f"], output: list).succeed()
    return String(decoding: try FileBytes.read(list), as: UTF8.self).split(separator: "\n")
      .map(String.init).sorted()
  }

  @Test func namesAreDecodedOnce() throws {
    let bench = try ServerBench()
    try bench.local().create()
    let token = try bench.token(.full)
    #expect(
      try bench.ask("PUT", "/v1/%77eb/%6cog%2fcheckpoint", token: token, body: [5]).status == 201)
    #expect(try bench.ask("GET", "/v1/web/log/checkpoint", token: token).body == [5])
    #expect(try bench.ask("GET", "/v1/web/log/checkpoint?x", token: token).status == 400)
  }

  @Test func methodsAndPaths() throws {
    let bench = try ServerBench()
    try bench.local().create()
    let token = try bench.token(.full)
    for (method, path, allowed) in [
      ("PATCH", "/v1/web/config", "GET, HEAD, PUT, DELETE, POST"),
      ("OPTIONS", "/v1/web/config", "GET, HEAD, PUT, DELETE, POST"),
      ("TRACE", "/v1/web/", "GET, HEAD, POST"), ("PUT", "/v1/web/", "GET, HEAD, POST"),
      ("DELETE", "/v1/web/", "GET, HEAD, POST"), ("POST", "/openapi.yaml", "GET, HEAD"),
    ] {
      let answer = try bench.ask(method, path, token: token)
      #expect(answer.status == 405 && answer.fields["allow"] == allowed, "\(method) \(path)")
    }
    for path in [
      "/", "/v1", "/v1/", "/v1/web", "/v2/web/config", "/V1/web/config", "*", "//v1/web/config",
    ] {
      let answer = try bench.ask("GET", path, token: token)
      #expect([400, 404].contains(answer.status), "\(path): \(answer.status)")
    }
  }

  /// Whatever comes instead of a request: an answer or a closed connection, soon, and the next client is served.
  @Test func whatIsNoRequest() throws {
    let bench = try ServerBench()
    try bench.local().create()
    let token = try bench.token(.full)
    let path = "/v1/web/log/checkpoint"
    let head = "PUT \(path) HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(token)\r\n"
    var requests: [[UInt8]] = [
      "\r\n\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
      "\(head)Content-Length: -1\r\n\r\n", "\(head)Content-Length: 1e3\r\n\r\n",
      "\(head)Content-Length: 99999999999999999999999\r\n\r\n",
      "\(head)Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
      "\(head)Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "\(head)Transfer-Encoding: chunked\r\n\r\nzz\r\n",
      "\(head)Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
      "\(head)Transfer-Encoding: gzip\r\n\r\n", "\(head)\r\n",
      "\(head)Content-Length: 3\r\nContent-Encoding: gzip\r\n\r\nabc",
      "\(head)Content-Length: 3\r\nContent-Range: bytes 0-2/9\r\n\r\nabc",
      "\(head)Content-Length: 3\r\nIf-None-Match: \"a\"\r\n\r\nabc",
      "\(head)Content-Length: 3\r\nIf-Match: *\r\n\r\nabc",
      "GET \(path) HTTP/1.1\r\n folded: x\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n",
      "GET \(path) HTTP/1.1\r\nAuthorization: Bearer \(token)\r\nX: \(String(repeating: "a", count: 20_000))\r\n\r\n",
      "GET /\(String(repeating: "a", count: 100_000)) HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\n" + (0..<200).map { "X\($0): y\r\n" }.joined() + "\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ].map { Array($0.utf8) }
    // A hello of TLS where none is spoken.
    requests.append([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3] + [UInt8](repeating: 7, count: 512))
    for request in requests {
      let connection = try RawConnection(port: bench.port)
      try? connection.send(request)
      connection.finish()
      connection.limit(seconds: 5)
      let what = String(decoding: request.prefix(120), as: UTF8.self)
      if let answer = try? connection.answer() {
        #expect((400..<500).contains(answer.status), "\(answer.status) to \(what)")
      } else {
        #expect(connection.isClosed(within: 5), "still open after \(what)")
      }
      #expect(try bench.local().size("log/checkpoint") == nil, "stored by \(what)")
    }
    #expect(try bench.ask("PUT", path, token: token, body: [1]).status == 201)
  }

  @Test func objectsThatAreTooLong() throws {
    let bench = try ServerBench { $0.largestObject = 1_000 }
    try bench.local().create()
    let token = try bench.token(.full)
    let path = "/v1/web/log/checkpoint"
    func put(_ count: Int) throws -> Int {
      try bench.ask("PUT", path, token: token, body: [UInt8](repeating: 1, count: count)).status
    }
    #expect(try put(1_001) == 413)
    #expect(try put(1_000) == 201)
    // A claim alone is refused before anything of it came.
    let connection = try RawConnection(port: bench.port)
    try connection.send(
      RawConnection.request("PUT", path, token: token, ["Content-Length: 123456789012"]))
    #expect(try connection.answer().status == 413)
    let marker = "/v1/web/sessions/0123456789abcdef0123456789abcdef-start"
    let append = try bench.token(.append)
    #expect(
      try bench.ask("PUT", marker, token: append, body: [UInt8](repeating: 1, count: 65)).status
        == 413)
    #expect(try bench.ask("PUT", marker, token: append, body: [10]).status == 201)
  }

  @Test func rangesOfBytes() throws {
    let bench = try ServerBench()
    let token = try bench.token(.read)
    try bench.local().create()
    let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
    try bench.local().put("log/checkpoint", bytes)
    func ask(_ range: String) throws -> RawConnection.Answer {
      try bench.ask("GET", "/v1/web/log/checkpoint", token: token, ["Range: \(range)"])
    }
    for (range, part) in [
      ("bytes=0-0", 0..<1), ("bytes=5-9", 5..<10), ("bytes=299999-", 299_999..<300_000),
      ("bytes=-5", 299_995..<300_000), ("bytes=-400000", 0..<300_000),
      ("bytes=10-99999999999999999999999", 10..<300_000), ("BYTES=1-2", 1..<3),
    ] {
      let answer = try ask(range)
      #expect(answer.status == 206 && answer.body == Array(bytes[part]), "\(range)")
      #expect(
        answer.fields["content-range"]
          == "bytes \(part.lowerBound)-\(part.upperBound - 1)/300000", "\(range)")
    }
    for range in ["bytes=300000-", "bytes=99999999999999999999-", "bytes=-0"] {
      let answer = try ask(range)
      #expect(
        answer.status == 416 && answer.fields["content-range"] == "bytes */300000", "\(range)")
    }
    for range in ["bytes=9-5", "bytes=a-b", "bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes= 1-2"] {
      let answer = try ask(range)
      #expect(answer.status == 200 && answer.body == bytes, "\(range)")
    }
  }
}
