import Dispatch
import Glibc
import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveRepository
import VarveServer
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// What watchers, programs and strangers get from the operator's service.
@Suite(.onOwnThreads) struct ServiceTests {
  private static let hour: Int64 = 3600

  private static func health(_ bench: ServiceBench) throws -> JSONValue {
    let answer = try bench.ask("GET", "/health")
    #expect(answer.status == 200)
    return try JSONText.value(answer.body)
  }

  /// Asks until the backups are said to be so.
  private static func waitFor(_ backups: String, _ bench: ServiceBench) throws {
    try bench.wait("they never are \(backups)") { try health(bench).string("backups") == backups }
  }

  @Test func healthFollowsTheBackupsAndIsAlways200() throws {
    let bench = try ServiceBench()
    bench.configuration.profiles["bot"] = nil
    bench.configuration.profiles["platform"]?.sources.removeLast(2)
    bench.configuration.repositories["main"]?.maximumUnverifiedAge = nil
    try bench.makeRepository()
    try bench.start()
    try bench.waitUntilReady()
    #expect(try Self.health(bench).string("backups") == "degraded")
    try bench.writeSource()
    try bench.backUp("platform", "auth-db", secondsAgo: 30 * Self.hour)
    let token = try bench.token(.read)
    let stale = "/api/admin/backups/alerts/stale"
    func states() throws -> [String] {
      try bench.json(stale, token: token).array("sources").map { try $0.string("state") }
    }
    try bench.wait("it is never stale") { try states() == ["stale"] }
    #expect(try Self.health(bench).string("backups") == "degraded")
    try bench.backUp("platform", "auth-db", secondsAgo: 5)
    try Self.waitFor("ok", bench)
    #expect(try states() == [])
    var run = RunRecord(
      id: "ab", activity: .backup, name: "platform", repository: "main",
      started: WallClock.now(), result: .failure)
    run.ended = WallClock.now()
    run.message = "the hook failed"
    try bench.journal(run)
    try Self.waitFor("degraded", bench)
    #expect(try states() == ["failed"])
  }

  @Test func whatIsPublicNamesNothing() throws {
    let bench = try ServiceBench()
    try bench.makeRepository()
    try bench.start()
    try bench.waitUntilReady()
    for path in ["/health", "/ready", "/version", "/api/openapi.yaml", "/login", "/style.css"] {
      let answer = try bench.ask("GET", path)
      #expect(answer.status == 200, "\(path)")
      for name in ["platform", "auth-db", bench.directory.path, "node-1"] {
        #expect(!answer.text.contains(name), "\(path) names \(name)")
      }
    }
    for path in [
      "/metrics", "/api/admin/status", "/api/admin/jobs", "/repositories/main", "/drills",
      "/api/admin/backups/sources/platform/auth-db/snapshots",
    ] {
      let answer = try bench.ask("GET", path)
      #expect(answer.status == 401, "\(path)")
      #expect(!answer.text.contains("platform"))
    }
  }

  @Test func aStoreThatDoesNotAnswerHoldsUpNobody() throws {
    let bench = try ServiceBench()
    try bench.makeRepository()
    // A host that takes connections and says nothing.
    let silent = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(silent) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(silent, $0, length)
        listen(silent, 8)
        getsockname(silent, $0, &length)
      }
    }
    let port = UInt16(bigEndian: address.sin_port)
    bench.configuration.repositories["far"] = RepositorySettings(
      name: "far", location: "varve+http://127.0.0.1:\(port)/far")
    try bench.start()
    let begin = MonotonicClock.nanoseconds
    for _ in 0..<50 {
      #expect(try Self.health(bench).string("backups") == "unknown")
      #expect(try bench.ask("GET", "/ready").status == 503)
    }
    #expect(MonotonicClock.nanoseconds - begin < 10_000_000_000)
  }

  @Test func tokensDecideWhoMayDoWhat() throws {
    let bench = try ServiceBench()
    try bench.makeRepository()
    try bench.start()
    try bench.waitUntilReady()
    let (read, full) = (try bench.token(.read), try bench.token(.full))
    let other = try bench.token(.full, for: "web")
    let audits = "/api/admin/audits"
    let json = ["Content-Type: application/json"]
    let body = Array(#"{ "repository" : "main" }"#.utf8)
    #expect(try bench.ask("GET", audits, token: read).status == 200)
    // A probe's token opens nothing that is sealed.
    let snapshot = "/repositories/main/snapshots/" + String(repeating: "0", count: 64)
    for path in [snapshot, snapshot + "/file?path=%2Fetc%2Fshadow"] {
      #expect(try bench.ask("GET", path, token: read).status == 403)
      #expect(try bench.ask("HEAD", path, token: read).status == 403)
      #expect(try bench.ask("GET", path, token: full).status == 404)
    }
    #expect(try bench.ask("GET", audits, token: other).status == 401)
    #expect(
      try bench.ask("GET", audits, token: "vst_" + String(repeating: "0", count: 64)).status == 401)
    #expect(try bench.ask("POST", audits, token: read, json, body: body).status == 403)
    #expect(try bench.ask("POST", audits, token: full, body: body).status == 415)
    let crossSite = json + ["Origin: https://evil.example"]
    #expect(try bench.ask("POST", audits, token: full, crossSite, body: body).status == 403)
    let started = try bench.ask("POST", audits, token: full, json, body: body)
    #expect(started.status == 202)
    let location = try #require(started.fields["location"])
    try bench.wait("it does not end") {
      try bench.json(location, token: read).string("state") != "running"
    }
    let job = try bench.json(location, token: read)
    #expect(try job.string("state") == "succeeded")
    #expect(try job.string("message") == "main holds")
    let known = try bench.json(audits, token: read).array("audits")
    let results = try known.map { try $0.string("result") }
    #expect(results == ["success"])
    _ = try bench.tokens.remove(id: bench.tokens.tokens()[1].id)
    try bench.wait("it stays good") { try bench.ask("GET", audits, token: full).status == 401 }
  }

  @Test func aSessionIsATokenUntilItIsSignedOut() throws {
    let bench = try ServiceBench()
    try bench.makeRepository()
    try bench.start()
    try bench.waitUntilReady()
    let token = try bench.token(.read)
    let form = ["Content-Type: application/x-www-form-urlencoded"]
    let wrong = try bench.ask("POST", "/login", form, body: Array("token=vst_00".utf8))
    #expect(wrong.status == 403 && wrong.fields["set-cookie"] == nil)
    let answer = try bench.ask("POST", "/login", form, body: Array("token=\(token)".utf8))
    #expect(answer.status == 303)
    let field = try #require(answer.fields["set-cookie"])
    #expect(field.contains("; HttpOnly; SameSite=Strict") && !field.contains(token))
    let cookie = "Cookie: " + field.prefix { $0 != ";" }
    #expect(try bench.ask("GET", "/", [cookie]).status == 200)
    #expect(try bench.ask("POST", "/audit", [cookie] + form, body: []).status == 403)
    #expect(
      try bench.ask("POST", "/logout", [cookie, "Sec-Fetch-Site: cross-site"], body: []).status
        == 403)
    #expect(try bench.ask("POST", "/logout", [cookie], body: []).status == 303)
    #expect(try bench.ask("GET", "/", [cookie]).status == 401)
    let browser = try bench.ask("GET", "/", ["Accept: text/html"])
    #expect(browser.status == 303 && browser.fields["location"] == "/login")
  }

  @Test func withoutTokensOnlyLoopbacksNamesAreAnswered() throws {
    let bench = try ServiceBench()
    try bench.makeRepository()
    try bench.start(withTokens: false)
    try bench.waitUntilReady()
    #expect(try bench.ask("GET", "/").status == 200)
    let connection = try RawConnection(port: bench.port)
    try connection.send("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    #expect(try connection.answer(isHead: false).status == 421)
    let reader = StatusReader(
      bench.configuration, client: bench.client, isInterrupted: {}, note: { _ in })
    let open = try ServiceServer(reader, actions: .none, options: .init { 0 })
    #expect(throws: VarveError.self) { try open.run(host: "0.0.0.0", port: 0) { _, _ in } }
  }

  @Test func restores() throws {
    let bench = try ServiceBench()
    try bench.makeHistory(days: 1)
    let orders = Mutex<[ServiceActions.Restore]>([])
    let release = DispatchSemaphore(value: 0)
    var actions = ServiceActions.none
    actions.restore = { order, _, progress in
      orders.withLock { $0.append(order) }
      progress("half of it")
      release.wait()
      throw VarveError(.io, "the disk is full")
    }
    try bench.start(actions: actions)
    try bench.waitUntilReady()
    let token = try bench.token(.full)
    let path = "/api/admin/backups/sources/platform/containers/snapshots"
    let snapshots = try bench.json(path, token: token)
    let id = try snapshots.array("snapshots")[0].string("id")
    func post(_ body: String) throws -> RawConnection.Answer {
      try bench.ask(
        "POST", "/api/admin/backups/restores", token: token, ["Content-Type: application/json"],
        body: Array(body.utf8))
    }
    #expect(try post(#"{"profile":"platform"}"#).status == 400)
    #expect(try post(#"{"profile":"platform","source":"nothing"}"#).status == 404)
    #expect(try post(#"{"profile":"platform","source":"auth-db","target":"etc"}"#).status == 400)
    #expect(
      try post(#"{"profile":"platform","source":"auth-db","snapshot":"latest:/x"}"#).status == 400)
    #expect(try post(#"{"profile":"platform","source":"containers"}"#).status == 409)
    let body = #"{"profile":"platform","source":"containers","snapshot":"\#(id)","confirm":true}"#
    let started = try post(body)
    #expect(started.status == 202)
    #expect(try post(body).status == 409)
    let location = try #require(started.fields["location"])
    try bench.wait("it says nothing") {
      try !bench.json(location, token: token).string("message").isEmpty
    }
    #expect(try bench.json(location, token: token).string("message") == "half of it")
    release.signal()
    try bench.wait("it does not end") {
      try bench.json(location, token: token).string("state") != "running"
    }
    let job = try bench.json(location, token: token)
    #expect(try job.string("state") == "failed")
    #expect(try job.string("message") == "the disk is full")
    #expect(orders.withLock { $0.map(\.snapshot) } == [id])
    let records = try RunJournal(client: bench.client).records(
      activity: .restore, name: "platform")
    #expect(records.map(\.result) == [.failure])
    #expect(records[0].detail == "containers" && records[0].ended != nil)
  }

  @Test func everyByteOfEveryNameComesBack() throws {
    let bench = try ServiceBench()
    try bench.makeHistory(days: 0)
    try bench.start(withTokens: false)
    try bench.waitUntilReady()
    let id = try bench.repository().log.state.snapshotsInOrder.first.map(\.id.hex)
    let base = "/repositories/main/snapshots/\(try #require(id))"
    let page = try bench.ask("GET", base + "?path=/srv/auth-db")
    #expect(page.status == 200)
    #expect(page.fields["content-security-policy"]?.hasPrefix("default-src 'none'") == true)
    #expect(!page.text.contains("<b>\""), "names are escaped")
    for (index, name) in ServiceBench.names.enumerated() {
      let path = Hex.encode(name).enumerated().map {
        $0.offset % 2 == 0 ? "%\($0.element)" : "\($0.element)"
      }
      .joined()
      let file = try bench.ask("GET", "\(base)/file?path=/srv/auth-db/\(path)")
      #expect(file.status == 200 && file.body == bench.content(index))
      let disposition = try #require(file.fields["content-disposition"])
      #expect(disposition.hasPrefix("attachment; filename=\""))
      #expect(disposition.utf8.allSatisfy { (0x20..<0x7f).contains($0) })
      let head = try bench.ask("HEAD", "\(base)/file?path=/srv/auth-db/\(path)")
      #expect(head.fields["content-length"] == "\(bench.content(index).count)")
    }
    #expect(try bench.ask("GET", base + "/file?path=/srv/auth-db").status == 404)
    #expect(try bench.ask("GET", base + "/file?path=/srv/../../etc/passwd").status == 404)
    #expect(try bench.ask("GET", base + "?path=%zz").status == 400)
    #expect(try bench.ask("GET", "/repositories/main/snapshots/latest").status == 404)
  }

  /// Who goes away in the middle of a download leaves nothing behind: no place that another could have, and nothing that the
  /// service waits for when it is to stop.
  @Test func downloadsThatBreakOff() throws {
    let bench = try ServiceBench()
    try bench.makeHistory(days: 0)
    try bench.start(withTokens: false) { $0.downloads = 2 }
    try bench.waitUntilReady()
    let id = try #require(bench.repository().log.state.snapshotsInOrder.first?.id.hex)
    let file = "/repositories/main/snapshots/\(id)/file?path=/srv/auth-db/plain.txt"
    for round in 0..<24 {
      let connection = try RawConnection(port: bench.port)
      connection.breakOff()
      try connection.send(RawConnection.request("GET", file))
      if round % 3 > 0 { usleep(UInt32(round * 700)) }
    }
    let whole = try bench.ask("GET", file)
    #expect(whole.status == 200 && whole.body == bench.content(0))
    bench.stop()
  }

  @Test func theStorageInterfaceLiesBeside() throws {
    let bench = try ServiceBench()
    try bench.makeRepository()
    mkdir(bench.directory("store"), 0o700)
    var storage = StorageServer.Options { 1_800_000_000 }
    storage.tokens = TokenFile(path: bench.directory("storage-tokens"))
    storage.refreshSeconds = 0.05
    storage.failureRate = 1e6
    try bench.start {
      $0.storage = try StorageServer(directory: bench.directory("store"), options: storage)
    }
    try bench.waitUntilReady()
    let made = try AccessToken.make(
      label: "web", kind: .full, repository: "web", expires: nil, now: 0)
    try TokenFile(path: bench.directory("storage-tokens")).add(made.token)
    let token = made.secret.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    try bench.wait("the token is not known") {
      try bench.ask("POST", "/v1/web/", token: token, body: []).status == 201
    }
    #expect(try bench.ask("POST", "/v1/web/", token: token, body: []).status == 204)
    #expect(try bench.ask("GET", "/openapi.yaml").text.contains("Varve storage server"))
    #expect(try bench.ask("GET", "/api/admin/status", token: token).status == 401)
    let serviceToken = try bench.token(.full)
    #expect(try bench.ask("GET", "/v1/web/?list=", token: serviceToken).status == 401)
  }
}
