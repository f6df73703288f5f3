import Glibc
import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveStorage
import VarveTestSupport

/// What users choose, and what it changes of requests.
@Suite struct S3OptionTests {
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

  @Test func addsOnlyWhereThereIsTooMuch() throws {
    let server = MemoryS3()
    let store = try S3Storage.test(server) { $0.addsOnly = true }
    let name = ObjectName.credential(SHA256.digest([1]))
    server.objects["repository/" + name] = [UInt8](repeating: 1, count: 70_000)
    #expect(code { try store.put(name, [1]) } == .forbidden)
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

  /// What cannot be replaced is looked at: only what is whole counts as stored. Also an upload in parts leaves none behind.
  @Test(arguments: [1, 6 << 20]) func addsOnlyWhereThereIsOne(_ count: Int) throws {
    let bytes = [UInt8](repeating: 3, count: count)
    let name = ObjectName.pack(SHA256.digest(bytes))
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { request in
      request.method == "POST" && request.target.contains("uploadId=")
        ? S3Answer.failure(412, "PreconditionFailed") : nil
    }
    let server = MemoryS3(behaviour)
    let store = try S3Storage.test(server) {
      $0.addsOnly = true
      $0.multipartSize = 5 << 20
    }
    server.objects["repository/" + name] = bytes
    try store.put(name, bytes)
    for damaged in [[], bytes + [3], [9] + bytes.dropFirst()] {
      server.objects["repository/" + name] = damaged
      let error = #expect(throws: VarveError.self) { try store.put(name, bytes) }
      #expect(error?.code == .forbidden)
      #expect(error?.message.contains("may not be replaced") == true)
      #expect(server.objects["repository/" + name] == damaged)
    }
    #expect(server.uploadCount == 0)
    if count > 5 << 20 {
      // The service says that there is one, and then that there is none.
      server.objects = [:]
      #expect(code { try store.put(name, bytes) } == .unavailable)
      #expect(server.uploadCount == 0)
    }
  }
}
