import Glibc
import Testing
import VarveTestThreads

/// `varve serve` and `varve server-token`, by their command lines.
@Suite(.onOwnThreads) struct ServeTests {
  @Test func itNeedsTokensAndEncryption() throws {
    let here = try Workspace()
    let directory = here.root + "/served"
    try here.fail(64, "serve", directory, saying: ["certificate", "--insecure-http"])
    try here.fail(64, "serve", "--insecure-http", directory, saying: ["tokens", "--no-auth"])
    try here.fail(64, "serve", "--tls-cert", "a", directory, saying: ["--tls-key"])
    try here.fail(
      64, "serve", "--no-auth", "--tls-cert", "/nonexistent", "--tls-key", "/nonexistent",
      directory,
      saying: ["certificate"])
    try here.fail(64, "serve", "--insecure-http", "--listen", "nowhere", directory)
    try here.fail(64, "serve", "--insecure-http", "--quota", "a/b=1G", directory)
    #expect(!here.exists(directory + "/web"))
  }

  /// A stop lets an upload that is under way end, and takes nothing new.
  @Test func aStopIsGraceful() throws {
    let here = try Workspace()
    let directory = here.root + "/served"
    let server = try Server(
      here,
      [
        Tools.varve, "serve", "--insecure-http", "--no-auth", "--listen", "127.0.0.1:0", directory,
      ])
    var generator = SeededGenerator(seed: 21)
    try here.write(generator.bytes(3 << 20), to: here.root + "/object")
    let sum = try here.run(["sha256sum", here.root + "/object"]).text.prefix(64)
    let url = "\(server.url)/v1/web/"
    // Without tokens everybody may add, but make no repository.
    try #require(here.run(["mkdir", "-p", directory + "/web"]).code == 0)
    let upload = try RunningProcess(
      [
        "curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--limit-rate",
        "1M", "--upload-file", here.root + "/object", "\(url)index/\(sum)",
      ], environment: here.environment)
    usleep(1_000_000)
    #expect(try server.stop().code == 0)
    #expect(try upload.wait().text == "201")
    #expect(
      try here.read("\(directory)/web/index/\(sum)") == here.read(here.root + "/object"))
    #expect(try here.run(["curl", "--silent", url]).code == 7, "refused")
  }

  @Test func tokensComeAndGo() throws {
    let here = try Workspace()
    let directory = here.root + "/served"
    let added = try here.succeed(
      "server-token", "add", "--label", "host one", "--kind", "full", directory, "web")
    let secret = added.text.trimmingLineEnd
    #expect(secret.hasPrefix("vst_") && secret.utf8.count == 68)
    try here.succeed(
      "server-token", "add", "--label", "past", "--expires", "2020-01-01", directory, "web")
    try here.fail(
      1, "server-token", "add", "--label", "past", directory, "web", saying: ["label"])
    try here.fail(64, "server-token", "add", "--label", "x", directory, "a/b", saying: ["name"])
    try here.fail(64, "server-token", "add", "--label", "x", "--kind", "root", directory, "web")
    let listed = try here.succeed("server-token", "list", directory).text
    #expect(listed.contains("host one") && listed.contains("full") && listed.contains("expired"))
    #expect(!listed.contains(secret.dropFirst(4).prefix(16)))
    #expect(
      try !String(decoding: here.read(directory + "/.tokens"), as: UTF8.self)
        .contains(secret.dropFirst(4)))

    let server = try Server(
      here,
      [
        Tools.varve, "serve", "--insecure-http", "--listen", "127.0.0.1:0", "--quota", "1M",
        "--quota", "web=8K", directory,
      ])
    func status(_ method: String, _ path: String, _ token: String, _ more: [String] = []) throws
      -> String
    {
      try here.run(
        [
          "curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--request",
          method, "--header", "Authorization: Bearer \(token)",
        ] + more + ["\(server.url)\(path)"]
      ).text
    }
    #expect(try status("POST", "/v1/web/", secret) == "201")
    #expect(try status("PUT", "/v1/web/log/checkpoint", secret, ["--data", "abc"]) == "201")
    #expect(try here.read(directory + "/web/log/checkpoint") == Array("abc".utf8))
    try here.write([UInt8](repeating: 1, count: 9_000), to: here.root + "/large")
    #expect(
      try status(
        "PUT", "/v1/web/log/checkpoint", secret, ["--data-binary", "@\(here.root)/large"]) == "507")
    #expect(try status("GET", "/v1/web/config", "vst_0") == "401")

    // A token that is removed is no good any more, without a restart.
    let id = try #require(
      listed.split(separator: "\n").first { $0.contains("host one") }?.split(separator: " ").first)
    try here.succeed("server-token", "remove", directory, String(id))
    try here.fail(1, "server-token", "remove", directory, String(id), saying: ["no token"])
    server.signal(SIGHUP)
    var last = ""
    for _ in 0..<100 where last != "401" {
      last = try status("GET", "/v1/web/?list=", secret)
      usleep(50_000)
    }
    #expect(last == "401")
    let outcome = try server.stop()
    #expect(outcome.code == 0, "\(outcome.errors)")
  }
}

extension String {
  fileprivate var trimmingLineEnd: String { hasSuffix("\n") ? String(dropLast()) : self }
}
