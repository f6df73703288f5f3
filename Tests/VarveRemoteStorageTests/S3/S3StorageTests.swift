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
  /// What waits for others on a slow line is not signed before.
  @Test func requestsAreSignedWhenItIsTheirTurn() throws {
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { _ in
      usleep(1_200_000)
      return nil
    }
    let server = MemoryS3(behaviour)
    let store = try S3Storage.test(server) { $0.exchange.connections = 1 }
    runThreads(2) { number in #expect(throws: Never.self) { try store.put("keys/\(number)", [1]) } }
    let times = server.requests.compactMap { $0.header("x-amz-date") }
    #expect(times.count == 2 && Set(times).count == 2)
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
      return S3Answer.failure(503, "SlowDown")
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
      return S3Answer.failure(500, "InternalError")
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
        ? S3Answer.failure(200, "InternalError") : nil
    }
    let server = MemoryS3(behaviour)
    let store = try S3Storage.test(server) { $0.multipartSize = 5 << 20 }
    #expect(throws: VarveError(.unavailable, "")) {
      try store.put("packs/00/large", [UInt8](repeating: 7, count: 11 << 20))
    }
    #expect(server.uploadCount == 0)
    #expect(server.objects.isEmpty)
  }

  /// A service compares the body with the digest that the request was signed with; a content object's is its name.
  @Test func bytesThatAreNotThoseOfTheName() throws {
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { request in
      request.method == "PUT" && request.header("x-amz-content-sha256") == SHA256.digest([1]).hex
        && request.body != [1] ? S3Answer.failure(400, "XAmzContentSHA256Mismatch") : nil
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

  /// Damage, and not trouble of the network: nobody asks again for it.
  @Test(arguments: [(1 << 20) + 1, 17 << 20]) func objectsThatAreLongerThanAny(_ count: Int) throws
  {
    let server = MemoryS3(MemoryS3.Behaviour())
    let store = try S3Storage.test(server)
    try store.put("log/checkpoint", [UInt8](repeating: 1, count: 1 << 20))
    #expect(try store.read("log/checkpoint").count == 1 << 20)
    try store.put("log/checkpoint", [UInt8](repeating: 1, count: count))
    #expect(throws: VarveError(.damaged, "")) { try store.read("log/checkpoint") }
  }

  @Test func timesOfObjects() throws {
    let server = MemoryS3()
    let store = try S3Storage.test(server)
    try store.put("keys/a", [1])
    #expect(try store.modificationTime("keys/a")?.utcSeconds == "1994-11-06T08:49:37Z")
    #expect(try store.modificationTime("keys/b") == nil)
  }
}
