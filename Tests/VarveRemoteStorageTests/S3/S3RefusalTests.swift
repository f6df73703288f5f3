import Glibc
import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveStorage
import VarveTestSupport

/// What a service refuses, and where it sends.
@Suite struct S3RefusalTests {
  /// The capability is tried on the bucket itself, and nothing stays behind.
  @Test func creationProbesTheBucket() throws {
    let good = MemoryS3()
    try S3Storage.test(good).create()
    #expect(good.objects.isEmpty)
    #expect(good.requests.map(\.method) == ["PUT", "PUT", "DELETE"])

    var behaviour = MemoryS3.Behaviour()
    behaviour.ignoresConditions = true
    let bad = MemoryS3(behaviour)
    let error = #expect(throws: VarveError.self) { try S3Storage.test(bad).create() }
    #expect(error?.code == .refused)
    #expect(bad.objects.isEmpty)

    behaviour.intercept = { request in
      request.header("if-none-match") == nil ? nil : S3Answer.failure(501, "NotImplemented")
    }
    let older = try S3Storage.test(MemoryS3(behaviour))
    #expect(code { try older.create() } == .refused)

    behaviour.intercept = { request in
      request.method == "PUT" ? S3Answer.failure(409, "ConditionalRequestConflict") : nil
    }
    let busy = try S3Storage.test(MemoryS3(behaviour))
    #expect(code { try busy.create() } == .unavailable)
  }

  @Test func refusalsHaveARemedy() throws {
    for (status, name, meaning, hint) in [
      (403, "SignatureDoesNotMatch", VarveError.Code.forbidden, "secret access key"),
      (403, "InvalidAccessKeyId", .forbidden, "does not know the access key id"),
      (403, "AccessDenied", .forbidden, "policy"),
      (404, "NoSuchBucket", .noRepository, "make the bucket"),
      (403, "RequestTimeTooSkewed", .forbidden, "clock"),
      (400, "ExpiredToken", .forbidden, "session token"),
      (403, "InvalidObjectState", .io, "cold"), (400, "QuotaExceeded", .io, "room"),
      (301, "PermanentRedirect", .forbidden, "AWS_REGION"),
      (500, "InternalError", .unavailable, "later"),
      (503, "SlowDown", .unavailable, "later"), (429, "TooManyRequests", .unavailable, "later"),
      (409, "ConditionalRequestConflict", .unavailable, "later"),
      (400, "RequestTimeout", .unavailable, "later"), (400, "Nonsense", .io, "operator"),
    ] as [(Int, String, VarveError.Code, String)] {
      var behaviour = MemoryS3.Behaviour()
      behaviour.intercept = { _ in
        S3Answer.failure(
          status, name, headers: [("date", "Sun, 06 Nov 1994 08:49:37 GMT")])
      }
      let server = MemoryS3(behaviour)
      let store = try S3Storage.test(server) { $0.retry.limit = 0 }
      let error = #expect(throws: VarveError.self) { try store.put("keys/a", [1]) }
      #expect(error?.code == meaning, "\(name)")
      #expect(error?.message.contains(name) == true)
      #expect(error?.message.contains("secret") == false)
      #expect(error?.hint?.contains(hint) == true, "\(name): \(error?.hint ?? "")")
      #expect(code { _ = try store.read("keys/a") } == meaning, "\(name)")
      #expect(code { try store.list("") { _, _ in } } == meaning, "\(name)")
    }
  }

  @Test func aMissingBucketIsNoMissingObject() throws {
    let server = MemoryS3()
    let other = try S3Storage(
      S3Location("s3:http://127.0.0.1:\(server.port)/other"),
      credentials: FixedAWSCredentials.test())
    #expect(code { _ = try other.read("config") } == .noRepository)
    #expect(code { try other.put("config", [1]) } == .noRepository)
    #expect(code { _ = try S3Storage.test(server).read("config") } == .missing)
    server.forgetRequests()
  }

  /// A proxy that does not know the service says 404, too: whoever believed it would take a repository for lost.
  @Test(arguments: [
    LoopbackServer.Answer(404), LoopbackServer.Answer(404, "<html><body>Not found</body></html>"),
  ])
  func aProxysAnswerSaysNothingOfAnObject(_ answer: LoopbackServer.Answer) throws {
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { _ in answer }
    let store = try S3Storage.test(MemoryS3(behaviour))
    #expect(code { _ = try store.read("keys/a") } == .unavailable)
    var part: [UInt8] = [0]
    part.withUnsafeMutableBytes { bytes in
      #expect(code { try store.read("keys/a", offset: 0, into: bytes) } == .unavailable)
    }
    #expect(code { _ = try store.size("keys/a") } == .unavailable)
    #expect(code { _ = try store.modificationTime("keys/a") } == .unavailable)
    #expect(code { try store.remove("keys/a") } == .unavailable)
  }

  /// A service that does not number its answers is asked twice where there is nothing.
  @Test func aHeadThatFindsNothing() throws {
    let numbered = MemoryS3()
    #expect(try S3Storage.test(numbered).size("keys/a") == nil)
    #expect(numbered.requests.map(\.method) == ["HEAD"])
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { $0.method == "HEAD" ? LoopbackServer.Answer(404) : nil }
    let other = MemoryS3(behaviour)
    let store = try S3Storage.test(other)
    #expect(try store.size("keys/a") == nil)
    #expect(other.requests.map(\.method) == ["HEAD", "GET"])
    try store.put("keys/a", [1])
    #expect(code { _ = try store.size("keys/a") } == .unavailable)
  }

  /// A region that an answer names is gone to at once, and kept to.
  @Test func regionsAreFollowed() throws {
    for isHeader in [true, false] {
      var behaviour = MemoryS3.Behaviour()
      behaviour.intercept = { request in
        let scope = request.header("authorization") ?? ""
        guard !scope.contains("/eu-north-1/s3/") else { return nil }
        return isHeader
          ? S3Answer.failure(
            301, "PermanentRedirect", headers: [("x-amz-bucket-region", "eu-north-1")])
          : S3Answer.failure(
            400, "AuthorizationHeaderMalformed", more: "<Region>eu-north-1</Region>")
      }
      let server = MemoryS3(behaviour)
      let store = try S3Storage.test(server)
      try store.put("keys/a", [1])
      #expect(try store.read("keys/a") == [1])
      #expect(server.requests.count == 3)
    }
    // Round and round is not gone.
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { request in
      let isFirst = request.header("authorization")?.contains("/us-east-1/") == true
      return S3Answer.failure(
        301, "PermanentRedirect",
        headers: [("x-amz-bucket-region", isFirst ? "eu-north-1" : "us-east-1")])
    }
    let server = MemoryS3(behaviour)
    let store = try S3Storage.test(server)
    #expect(code { try store.put("keys/a", [1]) } == .forbidden)
    #expect(server.requests.count == 2)
    behaviour.intercept = { _ in
      S3Answer.failure(
        301, "PermanentRedirect", headers: [("x-amz-bucket-region", "example.org/")])
    }
    let hostile = MemoryS3(behaviour)
    #expect(code { try S3Storage.test(hostile).put("keys/a", [1]) } == .forbidden)
    #expect(hostile.requests.count == 1)
  }

  @Test func anErrorBehindStatus200() throws {
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { $0.method == "PUT" ? S3Answer.failure(200, "InternalError") : nil }
    let store = try S3Storage.test(MemoryS3(behaviour))
    #expect(code { try store.put("keys/a", [1]) } == .unavailable)
    #expect(code { _ = try store.createExclusively("keys/a", [1]) } == .unavailable)
  }

  /// What is no service's answer to an upload says nothing of what was stored, whatever stands between.
  @Test(arguments: [
    LoopbackServer.Answer(200, "<html><body>Sign in</body></html>"), LoopbackServer.Answer(200),
    LoopbackServer.Answer(200, headers: [("etag", "")]), LoopbackServer.Answer(204),
    LoopbackServer.Answer(202, headers: [("etag", "\"0\"")]),
  ])
  func anAnswerThatIsNoServices(_ answer: LoopbackServer.Answer) throws {
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { $0.method == "PUT" ? answer : nil }
    let server = MemoryS3(behaviour)
    let store = try S3Storage.test(server) {
      $0.multipartSize = 5 << 20
      $0.retry.limit = 0
    }
    #expect(code { try store.put("keys/a", [1]) } == .unavailable)
    #expect(code { _ = try store.createExclusively("keys/a", [1]) } == .unavailable)
    #expect(code { try store.create() } == .unavailable)
    let large = [UInt8](repeating: 7, count: 6 << 20)
    #expect(code { try store.put("packs/00/large", large) } == .unavailable)
    #expect(server.uploadCount == 0)
  }

  @Test(arguments: [
    "<html><body>Sign in</body></html>", "", "<R/>", "<CompleteMultipartUploadResult>",
  ])
  func anUploadsEndThatIsNoServices(_ body: String) throws {
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { request in
      request.method == "POST" && request.target.contains("uploadId=")
        ? LoopbackServer.Answer(200, body) : nil
    }
    let server = MemoryS3(behaviour)
    let store = try S3Storage.test(server) { $0.multipartSize = 5 << 20 }
    let large = [UInt8](repeating: 7, count: 6 << 20)
    #expect(code { try store.put("packs/00/large", large) } == .unavailable)
    #expect(server.uploadCount == 0)
  }

  /// It is tried again, and stored.
  @Test func aProxyThatAnswersOnce() throws {
    let isFirst = Mutex(true)
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { request in
      guard request.method == "PUT",
        isFirst.withLock({ isFirst in
          defer { isFirst = false }
          return isFirst
        })
      else { return nil }
      return LoopbackServer.Answer(200, "<html/>")
    }
    let server = MemoryS3(behaviour)
    let store = RetryStorage(try S3Storage.test(server), .quick)
    try store.put("keys/a", [1])
    #expect(server.objects["repository/keys/a"] == [1])
  }
}
