import Glibc
import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveStorage
import VarveTestSupport

/// What is asked of a service, and what its answers are taken for.
@Suite struct S3StorageTests {
  private func code(_ body: () throws -> Void) -> VarveError.Code? {
    do {
      try body()
    } catch let error as VarveError {
      return error.code
    } catch { return nil }
    return nil
  }

  @Test func listsPageByPage() throws {
    var behaviour = MemoryS3.Behaviour()
    behaviour.pageSize = 7
    let server = MemoryS3(behaviour)
    let store = try S3Storage.test(server, "a b/ü")
    for number in 0..<40 { try store.put("index/\(number)", [1]) }
    // Of somebody else, beside ours and with characters that XML has not.
    server.objects["a b/ü/index/\u{1}"] = []
    server.objects["a b/ü/index/UP"] = []
    server.objects["a b/üx"] = []
    server.forgetRequests()
    var names: [String] = []
    try store.list("index") { name, _ in names.append(name) }
    #expect(names.sorted() == (0..<40).map { "index/\($0)" }.sorted())
    #expect(server.requests.count == 6)
  }

  /// A page that fails does not begin the list anew.
  @Test func aPageThatFailsIsAskedForAgain() throws {
    let countdown = Mutex(3)
    var behaviour = MemoryS3.Behaviour()
    behaviour.pageSize = 10
    behaviour.intercept = { request in
      guard request.method == "GET",
        countdown.withLock({
          $0 -= 1
          return $0 == 0
        })
      else { return nil }
      return MemoryS3.failure(503, "SlowDown")
    }
    let server = MemoryS3(behaviour)
    let store = try S3Storage.test(server)
    for number in 0..<50 { try store.put("index/\(number)", [1]) }
    server.forgetRequests()
    var count = 0
    try store.list("") { _, _ in count += 1 }
    #expect(count == 50)
    #expect(server.requests.count == 6)
  }

  @Test func aListThatNeverEnds() throws {
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { _ in
      LoopbackServer.Answer(
        200,
        "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a"
          + "</NextContinuationToken></ListBucketResult>")
    }
    let server = MemoryS3(behaviour)
    let store = try S3Storage.test(server)
    #expect(throws: VarveError(.io, "")) { try store.list("") { _, _ in } }
  }

  @Test func largeObjectsGoInParts() throws {
    let server = MemoryS3()
    let store = try S3Storage.test(server) {
      $0.multipartSize = 5 << 20
      $0.checksum = .crc32c
    }
    var random = SeededGenerator(seed: 1)
    let bytes = Array(repeatElement(random.bytes(1 << 20), count: 11).joined()) + [1, 2, 3]
    try store.put("packs/00/large", bytes)
    #expect(try store.read("packs/00/large") == bytes)
    #expect(server.requests.filter { $0.target.contains("partNumber=") }.count == 3)
    #expect(server.requests.filter { $0.method == "POST" }.count == 2)
    #expect(server.uploadCount == 0)
    // Whether it is there is never left to the end of an upload.
    server.forgetRequests()
    #expect(try store.createExclusively("packs/00/other", bytes))
    #expect(server.requests.map(\.method) == ["PUT"])
  }

  @Test func aPartThatFailsIsSentAgain() throws {
    let countdown = Mutex(2)
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { request in
      guard request.target.contains("partNumber="),
        countdown.withLock({
          $0 -= 1
          return $0 == 0
        })
      else { return nil }
      return MemoryS3.failure(500, "InternalError")
    }
    let server = MemoryS3(behaviour)
    let store = try S3Storage.test(server) { $0.multipartSize = 5 << 20 }
    let bytes = [UInt8](repeating: 7, count: 11 << 20)
    try store.put("packs/00/large", bytes)
    #expect(try store.read("packs/00/large") == bytes)
    #expect(server.requests.filter { $0.target.contains("partNumber=") }.count == 4)
  }

  /// Also an error behind status 200 is one; the parts are not left behind.
  @Test func anUploadThatFailsIsAborted() throws {
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { request in
      request.method == "POST" && request.target.contains("uploadId=")
        ? MemoryS3.failure(200, "InternalError") : nil
    }
    let server = MemoryS3(behaviour)
    let store = try S3Storage.test(server) { $0.multipartSize = 5 << 20 }
    #expect(throws: VarveError(.unavailable, "")) {
      try store.put("packs/00/large", [UInt8](repeating: 7, count: 11 << 20))
    }
    #expect(server.uploadCount == 0)
    #expect(server.objects.isEmpty)
  }

  @Test func anErrorBehindStatus200() throws {
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { $0.method == "PUT" ? MemoryS3.failure(200, "InternalError") : nil }
    let store = try S3Storage.test(MemoryS3(behaviour))
    #expect(code { try store.put("keys/a", [1]) } == .unavailable)
    #expect(code { _ = try store.createExclusively("keys/a", [1]) } == .unavailable)
  }

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
      request.header("if-none-match") == nil ? nil : MemoryS3.failure(501, "NotImplemented")
    }
    let older = try S3Storage.test(MemoryS3(behaviour))
    #expect(code { try older.create() } == .refused)

    behaviour.intercept = { request in
      request.method == "PUT" ? MemoryS3.failure(409, "ConditionalRequestConflict") : nil
    }
    let busy = try S3Storage.test(MemoryS3(behaviour))
    #expect(code { try busy.create() } == .unavailable)
  }

  @Test func refusalsHaveARemedy() throws {
    for (status, name, code, hint) in [
      (403, "SignatureDoesNotMatch", VarveError.Code.io, "secret access key"),
      (403, "InvalidAccessKeyId", .io, "does not know the access key id"),
      (403, "AccessDenied", .io, "policy"), (404, "NoSuchBucket", .noRepository, "make the bucket"),
      (403, "RequestTimeTooSkewed", .io, "clock"), (400, "ExpiredToken", .io, "session token"),
      (403, "InvalidObjectState", .io, "cold"), (400, "QuotaExceeded", .io, "room"),
      (301, "PermanentRedirect", .io, "AWS_REGION"), (500, "InternalError", .unavailable, "later"),
      (503, "SlowDown", .unavailable, "later"), (429, "TooManyRequests", .unavailable, "later"),
      (409, "ConditionalRequestConflict", .unavailable, "later"),
      (400, "RequestTimeout", .unavailable, "later"), (400, "Nonsense", .io, "operator"),
    ] as [(Int, String, VarveError.Code, String)] {
      var behaviour = MemoryS3.Behaviour()
      behaviour.intercept = { _ in
        MemoryS3.failure(
          status, name, headers: [("date", "Sun, 06 Nov 1994 08:49:37 GMT")])
      }
      let server = MemoryS3(behaviour)
      let store = try S3Storage.test(server) { $0.retry.limit = 0 }
      let error = #expect(throws: VarveError.self) { try store.put("keys/a", [1]) }
      #expect(error?.code == code, "\(name)")
      #expect(error?.message.contains(name) == true)
      #expect(error?.message.contains("secret") == false)
      #expect(error?.hint?.contains(hint) == true, "\(name): \(error?.hint ?? "")")
      #expect(self.code { _ = try store.read("keys/a") } == code, "\(name)")
      #expect(self.code { try store.list("") { _, _ in } } == code, "\(name)")
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

  /// A region that an answer names is gone to at once, and kept to.
  @Test func regionsAreFollowed() throws {
    for isHeader in [true, false] {
      var behaviour = MemoryS3.Behaviour()
      behaviour.intercept = { request in
        let scope = request.header("authorization") ?? ""
        guard !scope.contains("/eu-north-1/s3/") else { return nil }
        return isHeader
          ? MemoryS3.failure(
            301, "PermanentRedirect", headers: [("x-amz-bucket-region", "eu-north-1")])
          : MemoryS3.failure(
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
      return MemoryS3.failure(
        301, "PermanentRedirect",
        headers: [("x-amz-bucket-region", isFirst ? "eu-north-1" : "us-east-1")])
    }
    let server = MemoryS3(behaviour)
    let store = try S3Storage.test(server)
    #expect(code { try store.put("keys/a", [1]) } == .io)
    #expect(server.requests.count == 2)
    behaviour.intercept = { _ in
      MemoryS3.failure(
        301, "PermanentRedirect", headers: [("x-amz-bucket-region", "example.org/")])
    }
    let hostile = MemoryS3(behaviour)
    #expect(code { try S3Storage.test(hostile).put("keys/a", [1]) } == .io)
    #expect(hostile.requests.count == 1)
  }

  @Test func locksAreSetAndExtended() throws {
    let server = MemoryS3()
    let store = try S3Storage.test(server) {
      $0.retention = try? S3Storage.Retention(.governance, days: 30)
      $0.multipartSize = 5 << 20
    }
    #expect(store.retentionSeconds == Int64(30 * 86_400))
    try store.put("config", [1])
    try store.put("packs/00/large", [UInt8](repeating: 0, count: 6 << 20))
    try store.put("log/checkpoint", [1])
    try store.put("log/tile/0/000", [1])
    for name in ["config", "packs/00/large"] {
      let lock = try #require(server.retention(of: "repository/" + name))
      #expect(lock.mode == "GOVERNANCE")
      let end = try #require(Timestamp(lock.until)).seconds
      #expect(abs(end - Timestamp(seconds: now()).seconds - 30 * 86_400) < 60)
    }
    #expect(server.retention(of: "repository/log/checkpoint") == nil)
    #expect(server.retention(of: "repository/log/tile/0/000") == nil)
    // A service wants a checksum with a lock.
    #expect(
      server.requests.filter { $0.method == "PUT" && $0.target.contains("config") }
        .allSatisfy { $0.header("content-md5") != nil })

    let later = Timestamp(seconds: now() + 90 * 86_400)
    try store.extendRetention(of: "config", until: later)
    #expect(server.retention(of: "repository/config")?.until == later.utcSeconds)
    server.forgetRequests()
    try store.extendRetention(of: "config", until: Timestamp(seconds: now() + 60 * 86_400))
    #expect(server.requests.map(\.method) == ["HEAD"])
    #expect(server.retention(of: "repository/config")?.until == later.utcSeconds)
    #expect(code { try store.extendRetention(of: "keys/none", until: later) } == .missing)
    try store.extendRetention(of: "log/checkpoint", until: later)
    #expect(server.retention(of: "repository/log/checkpoint") == nil)
    for days in [0, -1, 36_501] {
      #expect(code { _ = try S3Storage.Retention(.compliance, days: days) } == .usage)
    }
  }

  private func now() -> Int64 { Int64(time(nil)) }

  /// Data packs only, which their first bytes tell.
  @Test func storageClass() throws {
    let server = MemoryS3()
    let store = try S3Storage.test(server) { $0.storageClass = "STANDARD_IA" }
    func pack(_ type: PackType) -> [UInt8] {
      PackHeader(
        type: type, encapsulation: [UInt8](repeating: 0, count: 32),
        wrappedKey: [UInt8](repeating: 0, count: 48), commitment: .zero
      ).encode()
    }
    for (name, bytes, isCold) in [
      (ObjectName.pack(SHA256.digest(pack(.data))), pack(.data), true),
      (ObjectName.pack(SHA256.digest(pack(.tree))), pack(.tree), false),
      ("packs/00/x", [1], false), ("config", pack(.data), false),
    ] as [(String, [UInt8], Bool)] {
      server.forgetRequests()
      try store.put(name, bytes)
      #expect((server.requests.first?.header("x-amz-storage-class") != nil) == isCold, "\(name)")
    }
    for wrong in ["", "A B", "A\r\nx: y", "Ä"] {
      #expect(code { _ = try S3Storage.test(server) { $0.storageClass = wrong } } == .usage)
      #expect(code { _ = try S3Storage.test(server) { $0.region = wrong } } == .usage)
    }
  }

  @Test(arguments: S3Storage.Checksum.allCases)
  func checksums(_ checksum: S3Storage.Checksum) throws {
    let server = MemoryS3()
    let store = try S3Storage.test(server) { $0.checksum = checksum }
    try store.put("keys/a", Array("123456789".utf8))
    let request = try #require(server.requests.first)
    let expected = [
      "content-md5": "JfnnlDI7RTiF9RgfG2JNCw==",
      "x-amz-checksum-sha256": "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
      "x-amz-checksum-crc32c": "4waSgw==", "x-amz-checksum-crc64nvme": "rosUhgp5mIg=",
    ]
    for (header, value) in expected {
      #expect(request.header(header) == (header.hasSuffix(checksum.rawValue) ? value : nil))
    }
  }

  /// A policy may demand that nothing is replaced: content is created only, what is derived is still put.
  @Test func addsOnly() throws {
    let server = MemoryS3()
    let store = try S3Storage.test(server) {
      $0.addsOnly = true
      $0.multipartSize = 5 << 20
    }
    let name = ObjectName.index(SHA256.digest([1]))
    try store.put(name, [1])
    try store.put(name, [1])
    let large = [UInt8](repeating: 3, count: 6 << 20)
    try store.put(ObjectName.pack(SHA256.digest(large)), large)
    #expect(
      server.requests.filter { $0.method == "PUT" && !$0.target.contains("partNumber") }
        .allSatisfy { $0.header("if-none-match") == "*" })
    #expect(server.requests.last?.header("if-none-match") == "*")
    try store.put("log/checkpoint", [1])
    try store.put("log/checkpoint", [2])
    #expect(try store.read("log/checkpoint") == [2])
  }

  /// A service compares the body with the digest that the request was signed with; a content object's is its name.
  @Test func bytesThatAreNotThoseOfTheName() throws {
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { request in
      request.method == "PUT" && request.header("x-amz-content-sha256") == SHA256.digest([1]).hex
        && request.body != [1] ? MemoryS3.failure(400, "XAmzContentSHA256Mismatch") : nil
    }
    let server = MemoryS3(behaviour)
    let store = RetryStorage(try S3Storage.test(server), .quick)
    #expect(code { try store.put(ObjectName.index(SHA256.digest([1])), [2]) } == .damaged)
    #expect(server.requests.count == 1)
  }

  /// Other bytes than those that were asked for are never passed on.
  @Test func rangesThatAreNotThoseAskedFor() throws {
    for (status, range, body, expected) in [
      (206, "bytes 2-3/9", [3, 4], nil), (206, nil, [3, 4], nil), (200, nil, [1, 2, 3, 4, 5], nil),
      (206, "bytes 0-1/9", [1, 2], VarveError.Code.unavailable),
      (206, "bytes 2-4/9", [3, 4, 5], .unavailable), (206, "bytes 2-2/3", [3], .damaged),
      (200, nil, [1, 2, 3], .damaged), (416, nil, [], .damaged),
    ] as [(Int, String?, [UInt8], VarveError.Code?)] {
      var behaviour = MemoryS3.Behaviour()
      behaviour.intercept = { _ in
        LoopbackServer.Answer(
          status, headers: range.map { [("content-range", $0)] } ?? [], body: body)
      }
      let server = MemoryS3(behaviour)
      let store = try S3Storage.test(server)
      var read: [UInt8] = []
      let found = code { read = try store.read("keys/a", offset: 2, count: 2) }
      #expect(found == expected, "\(status) \(range ?? "")")
      if expected == nil { #expect(read == [3, 4]) }
    }
  }

  @Test func timesOfObjects() throws {
    let server = MemoryS3()
    let store = try S3Storage.test(server)
    try store.put("keys/a", [1])
    #expect(try store.modificationTime("keys/a")?.utcSeconds == "1994-11-06T08:49:37Z")
    #expect(try store.modificationTime("keys/b") == nil)
  }

  /// Region, endpoint and keys as the environment and the shared files have them.
  @Test func opensByTheEnvironment() throws {
    let server = MemoryS3()
    let home = TemporaryDirectory()
    fileText(
      home("config"),
      "[profile x]\nregion = eu-south-2\nendpoint_url = http://127.0.0.1:\(server.port)/\n")
    fileText(home("credentials"), "[x]\naws_access_key_id = KEY\naws_secret_access_key = SECRET\n")
    let environment = [
      "AWS_CONFIG_FILE": home("config"), "AWS_SHARED_CREDENTIALS_FILE": home("credentials"),
      "AWS_PROFILE": "x",
    ]
    let place = try S3Location("s3://\(MemoryS3.bucket)/p")
    let store = try S3Storage.open(place, environment: environment)
    try store.put("keys/a", [1])
    let scope = try #require(server.requests.first?.header("authorization"))
    #expect(scope.contains("Credential=KEY/"))
    #expect(scope.contains("/eu-south-2/s3/aws4_request"))
    #expect(store.location == "s3://\(MemoryS3.bucket)/p")
    #expect(server.objects.keys.first == "p/keys/a")
    for (variable, region) in [("AWS_REGION", "a"), ("AWS_DEFAULT_REGION", "b")] {
      server.forgetRequests()
      let other = environment.merging([variable: region]) { $1 }
      _ = try S3Storage.open(place, environment: other).size("keys/a")
      #expect(
        server.requests.first?.header("authorization")?.contains("/\(region)/s3/") == true)
    }
    for url in ["ftp://x", "http://", "http://a/b", "s3://x", "http://a:b"] {
      let other = environment.merging(["AWS_ENDPOINT_URL_S3": url]) { $1 }
      #expect(code { _ = try S3Storage.open(place, environment: other) } == .usage, "\(url)")
    }
  }

  @Test func addressesOfBuckets() throws {
    for (text, addressing, region, host, path) in [
      (
        "s3://bucket/p", S3Storage.Addressing.auto, "eu-x-1", "bucket.s3.eu-x-1.amazonaws.com",
        "/p/a"
      ),
      ("s3://bucket/p", .path, "eu-x-1", "s3.eu-x-1.amazonaws.com", "/bucket/p/a"),
      ("s3://my.bucket", .auto, "eu-x-1", "s3.eu-x-1.amazonaws.com", "/my.bucket/a"),
      ("s3://bucket", .auto, "cn-north-1", "bucket.s3.cn-north-1.amazonaws.com.cn", "/a"),
      ("s3:http://host:80/bucket", .auto, "x", "host", "/bucket/a"),
      ("s3:http://host:443/bucket", .virtualHost, "x", "bucket.host:443", "/a"),
      ("s3:https://host:443/bucket", .path, "x", "host", "/bucket/a"),
      ("s3:s3.eu-x-1.amazonaws.com/bucket", .auto, "y", "bucket.s3.eu-x-1.amazonaws.com", "/a"),
    ] as [(String, S3Storage.Addressing, String, String, String)] {
      let place = try S3Location(text)
      let address = S3Address(place.bucket, place.endpoint, addressing, region: region)
      #expect(address.host == host)
      #expect(address.path(place.prefix + "a") == path)
    }
    #expect(try S3Location("s3:s3.eu-x-1.amazonaws.com/bucket").regionOfHost == "eu-x-1")
    #expect(try S3Location("s3:s3.amazonaws.com/bucket").regionOfHost == nil)
    #expect(try S3Location("s3:example.org/bucket").regionOfHost == nil)
  }

  @Test func optionsByName() throws {
    var options = S3Storage.Options()
    for (name, value) in [
      ("region", "eu-x-1"), ("addressing", "virtual-host"), ("storage-class", "GLACIER_IR"),
      ("checksum", "crc64nvme"), ("retention", "compliance:7"), ("adds-only", "true"),
    ] { try options.set(name, to: value) }
    #expect(options.region == "eu-x-1")
    #expect(options.addressing == .virtualHost)
    #expect(options.storageClass == "GLACIER_IR")
    #expect(options.checksum == .crc64nvme)
    #expect(try options.retention == S3Storage.Retention(.compliance, days: 7))
    #expect(options.addsOnly)
    for (name, value) in [
      ("region", "a b"), ("addressing", "x"), ("storage-class", ""), ("checksum", "sha1"),
      ("retention", "30"), ("retention", "governance:0"), ("retention", "x:1"),
      ("adds-only", "yes"),
      ("colour", "red"),
    ] { #expect(code { try options.set(name, to: value) } == .usage, "\(name)") }
  }
}
