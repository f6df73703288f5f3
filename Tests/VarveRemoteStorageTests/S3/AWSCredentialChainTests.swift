import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveTestSupport

@Suite struct AWSCredentialChainTests {
  private func chain(_ environment: [String: String]) throws -> AWSCredentialChain {
    // What the machine of the test is, is not asked.
    try AWSCredentialChain(
      environment: ["AWS_EC2_METADATA_DISABLED": "true"].merging(environment) { $1 })
  }

  private func document(_ id: String, expires: String?, code: String? = nil) -> String {
    "{\n  \"AccessKeyId\" : \"\(id)\",\n  \"SecretAccessKey\" : \"secret\", \"Token\" : \"token\""
      + (code.map { ", \"Code\": \"\($0)\"" } ?? "")
      + (expires.map { ", \"Expiration\" : \"\($0)\"" } ?? "") + "\n}"
  }

  @Test func environment() throws {
    let found = try chain([
      "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "",
      "AWS_PROFILE": "none",
    ]).credentials()
    #expect(found.accessKeyID == "id")
    #expect(found.expiration == nil)
  }

  @Test func sharedFiles() throws {
    let home = TemporaryDirectory()
    fileText(
      home("config"),
      "[profile a]\nregion=x\n[profile r]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = a\n")
    fileText(
      home("credentials"),
      "[default]\naws_access_key_id=d\naws_secret_access_key=s\n[a]\naws_access_key_id=a\n"
        + "aws_secret_access_key=s\n[half]\naws_access_key_id=h\n")
    var environment = [
      "AWS_CONFIG_FILE": home("config"), "AWS_SHARED_CREDENTIALS_FILE": home("credentials"),
    ]
    #expect(try chain(environment).credentials().accessKeyID == "d")
    environment["AWS_PROFILE"] = "a"
    #expect(try chain(environment).credentials().accessKeyID == "a")
    for name in ["nobody", "half", "r"] {
      environment["AWS_PROFILE"] = name
      let error = #expect(throws: VarveError.self) { try chain(environment).credentials() }
      #expect(error?.code == .usage)
      #expect(error?.message.contains(name) == true)
    }
  }

  @Test func nowhere() throws {
    let error = #expect(throws: VarveError.self) {
      try chain(["HOME": "/nonexistent"]).credentials()
    }
    #expect(error?.code == .usage)
    #expect(error?.hint?.contains("AWS_ACCESS_KEY_ID") == true)
  }

  @Test func whatNoHeaderCanHave() throws {
    for (id, secret, token) in [
      ("i d", "s", "t"), ("i\n", "s", "t"), ("id", "s", "t\r\nx: y"), ("id", "", "t"),
    ] {
      #expect(throws: VarveError(.usage, "")) {
        try AWSCredentials(
          accessKeyID: id, secretAccessKey: SecretBytes(copying: Array(secret.utf8)),
          sessionToken: token)
      }
    }
  }

  /// Asked again five minutes before they end, not earlier; what is still good bridges a failure.
  @Test func containerAndRenewal() throws {
    let calls = Mutex(0)
    let isDown = Mutex(false)
    let home = TemporaryDirectory()
    fileText(home("token"), "Bearer of tokens\n")
    let server = LoopbackServer { request in
      guard request.target == "/v2/credentials?x=y",
        request.header("authorization") == "Bearer of tokens"
      else { return LoopbackServer.Answer(404) }
      if isDown.withLock({ $0 }) { return LoopbackServer.Answer(503) }
      let number = calls.withLock { calls in
        calls += 1
        return calls
      }
      return LoopbackServer.Answer(
        200, document("id\(number)", expires: "2026-01-01T0\(number):00:00Z"))
    }
    defer { server.stop() }
    let clock = Mutex(try #require(Timestamp("2026-01-01T00:00:00Z")).seconds)
    let chain = try AWSCredentialChain(
      environment: [
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/v2/credentials?x=y",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": home("token"),
        "AWS_EC2_METADATA_DISABLED": "true",
      ], now: { Timestamp(seconds: clock.withLock { $0 }) })
    #expect(try chain.credentials().accessKeyID == "id1")
    #expect(try chain.credentials().accessKeyID == "id1")
    clock.withLock { $0 += 3_299 }
    #expect(try chain.credentials().accessKeyID == "id1")
    isDown.withLock { $0 = true }
    clock.withLock { $0 += 1 }
    #expect(try chain.credentials().accessKeyID == "id1", "good for five more minutes")
    clock.withLock { $0 += 300 }
    #expect(throws: VarveError(.unavailable, "")) { try chain.credentials() }
    isDown.withLock { $0 = false }
    #expect(try chain.credentials().accessKeyID == "id2")
    #expect(calls.withLock { $0 } == 2)
  }

  @Test func containersAddressesThatAreNotAsked() throws {
    for url in [
      "http://example.org/x", "http://127.0.0.1@example.org/", "http://127.0.0.1.example.org/",
      "ftp://127.0.0.1/", "127.0.0.1/x", "http://localhostx/",
    ] {
      #expect(throws: VarveError(.usage, ""), "\(url)") {
        try chain(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url]).credentials()
      }
    }
  }

  @Test func containersThatAnswerNonsense() throws {
    for (status, body, code) in [
      (200, "", VarveError.Code.forbidden), (200, "{}", .forbidden), (404, "", .forbidden),
      (500, "", .unavailable),
      (200, document("id", expires: nil, code: "AssumeRoleUnauthorizedAccess"), .forbidden),
      (200, document("i d", expires: nil), .usage),
      (200, String(repeating: "x", count: 70_000), .io),
    ] as [(Int, String, VarveError.Code)] {
      let server = LoopbackServer { _ in LoopbackServer.Answer(status, body) }
      defer { server.stop() }
      #expect(throws: VarveError(code, ""), "\(status) \(body.prefix(20))") {
        try chain(["AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url]).credentials()
      }
    }
  }

  /// Version 2 of the instance's metadata: without the token nothing is given.
  @Test func instance() throws {
    let server = LoopbackServer { request in
      let hasToken = request.header("x-aws-ec2-metadata-token") == "TOKEN=="
      switch (request.method, request.target) {
      case ("PUT", "/latest/api/token"):
        return request.header("x-aws-ec2-metadata-token-ttl-seconds") == nil
          ? LoopbackServer.Answer(400) : LoopbackServer.Answer(200, "TOKEN==")
      case ("GET", "/latest/meta-data/iam/security-credentials/") where hasToken:
        return LoopbackServer.Answer(200, "my role\n")
      case ("GET", "/latest/meta-data/iam/security-credentials/my%20role") where hasToken:
        return LoopbackServer.Answer(
          200, document("instance", expires: "2126-01-01T00:00:00Z", code: "Success"))
      default: return LoopbackServer.Answer(401)
      }
    }
    let chain = try AWSCredentialChain(environment: [
      "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url + "/"
    ])
    let found = try chain.credentials()
    #expect(found.accessKeyID == "instance")
    #expect(found.expiration?.utcSeconds == "2126-01-01T00:00:00Z")
    _ = try chain.credentials()
    #expect(server.requests.count == 3)
  }

  /// A service that is there and has no answer just now is no reason to say that there are no credentials.
  @Test(arguments: ["/latest/api/token", "/latest/meta-data/iam/security-credentials/"])
  func instanceThatHasNoAnswerNow(_ target: String) throws {
    let server = LoopbackServer { request in
      request.target == target ? LoopbackServer.Answer(503) : LoopbackServer.Answer(200, "TOKEN")
    }
    #expect(throws: VarveError(.unavailable, "")) {
      try AWSCredentialChain(environment: ["AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url])
        .credentials()
    }
  }

  @Test func noInstance() throws {
    let server = LoopbackServer { _ in LoopbackServer.Answer(404) }
    defer { server.stop() }
    for url in [server.url, "http://127.0.0.1:1"] {
      #expect(throws: VarveError(.usage, "")) {
        try AWSCredentialChain(environment: ["AWS_EC2_METADATA_SERVICE_ENDPOINT": url])
          .credentials()
      }
    }
  }

  /// The address of a container's credentials may be all that keeps others from them.
  @Test func theContainersAddressIsNotSaid() throws {
    let answers: [LoopbackServer.Answer] = [
      LoopbackServer.Answer(404), LoopbackServer.Answer(500), LoopbackServer.Answer(200, "{}"),
      LoopbackServer.Answer(200, String(repeating: "x", count: 70_000)),
    ]
    for answer in answers {
      let server = LoopbackServer { _ in answer }
      defer { server.stop() }
      try expectUnsaid(server.url + "/hidden?key=hidden")
    }
    try expectUnsaid("http://127.0.0.1:1/hidden")
    try expectUnsaid("https:///hidden")
  }

  private func expectUnsaid(_ url: String) throws {
    let error = #expect(throws: VarveError.self) {
      try chain(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url]).credentials()
    }
    let text = error.map { "\($0) \($0.message) \($0.hint ?? "")" } ?? ""
    #expect(!text.contains("hidden"), "\(text)")
    #expect(text.contains("the container's credential service"), "\(text)")
  }
}
