import Glibc
import Testing
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveStorage
import VarveTestSupport

/// A real service, such as Ceph's RADOS Gateway, where the environment names one:
///
///     VARVE_TEST_CEPH=1
///     VARVE_TEST_S3_ENDPOINT, VARVE_TEST_S3_ACCESS, VARVE_TEST_S3_SECRET     of somebody who may make buckets
///     VARVE_TEST_S3_OWNER                                                   ARN of that one
///     VARVE_TEST_S3_WRITER, …_WRITER_ACCESS, …_WRITER_SECRET                ARN and keys of somebody who may nothing by himself
@Suite(
  .enabled(if: TestTools.variable("VARVE_TEST_CEPH") == "1", "VARVE_TEST_CEPH=1 runs it"),
  .serialized)
struct S3ServiceTests {
  private static func variable(_ name: String) throws -> String {
    try #require(TestTools.variable("VARVE_TEST_S3_" + name), "set VARVE_TEST_S3_\(name)")
  }

  private static func keys(_ who: String = "") throws -> FixedAWSCredentials {
    try .test(variable(who + "ACCESS"), variable(who + "SECRET"))
  }

  private static func prepare(_ bucket: String, _ arguments: String...) throws {
    let script = try ServerProcess(
      [
        TestTools.python, TestTools.conformance + "/s3bucket.py", variable("ENDPOINT"), bucket,
      ] + arguments,
      environment: [
        "AWS_ACCESS_KEY_ID": variable("ACCESS"), "AWS_SECRET_ACCESS_KEY": variable("SECRET"),
      ])
    try #require(script.readLine() == "done")
  }

  private static func store(
    _ bucket: String, _ prefix: String, _ keys: FixedAWSCredentials? = nil,
    _ change: (inout S3Storage.Options) -> Void = { _ in }
  ) throws -> S3Storage {
    var options = S3Storage.Options()
    change(&options)
    return try S3Storage(
      S3Location("s3:\(variable("ENDPOINT"))/\(bucket)/\(prefix)"),
      credentials: keys ?? Self.keys(), options: options)
  }

  @Test func conforms() throws {
    try Self.prepare("varve-test")
    for (number, conformance) in StorageConformance.cases.enumerated() {
      // Characters that the signature and the listing have to get right.
      let store = try Self.store("varve-test", "a+b ü'&%/\(number)")
      try store.create()
      do {
        try conformance.run(RetryStorage(store))
      } catch {
        Issue.record("\(conformance): \(error)")
      }
    }
    try Self.prepare("varve-test", "remove")
  }

  @Test func partsAndChecksums() throws {
    try Self.prepare("varve-test-parts")
    for checksum in S3Storage.Checksum.allCases {
      let store = try Self.store("varve-test-parts", checksum.rawValue) {
        $0.multipartSize = 5 << 20
        $0.checksum = checksum
      }
      var random = SeededGenerator(seed: 1)
      let bytes = Array(repeatElement(random.bytes(1 << 20), count: 11).joined()) + [1]
      try store.put("packs/00/large", bytes)
      #expect(try store.read("packs/00/large") == bytes, "\(checksum)")
      try store.put("keys/a", Array(bytes.dropLast(10 << 20)))
      #expect(try store.size("keys/a") == UInt64(bytes.count - 10 << 20))
    }
    try Self.prepare("varve-test-parts", "remove")
  }

  /// A body that is not the one that was signed is refused; so are keys that are wrong, and a bucket that is not there.
  @Test func refusals() throws {
    try Self.prepare("varve-test")
    let store = RetryStorage(try Self.store("varve-test", "refusals"))
    #expect(throws: VarveError(.damaged, "")) {
      try store.put(ObjectName.index(SHA256.digest([1])), [2])
    }
    let wrong = try Self.store(
      "varve-test", "x", .test(Self.variable("ACCESS"), "wrong"))
    let secret = #expect(throws: VarveError.self) { try wrong.put("keys/a", [1]) }
    #expect(secret?.hint?.contains("secret access key") == true)
    let nobody = try Self.store("varve-test", "x", .test("NOBODY", "wrong"))
    let unknown = #expect(throws: VarveError.self) { try nobody.put("keys/a", [1]) }
    #expect(unknown?.hint?.contains("does not know") == true)
    #expect(throws: VarveError(.noRepository, "")) {
      try Self.store("varve-test-none", "x").create()
    }
    try Self.prepare("varve-test", "remove")
  }

  /// Ceph passes over the condition in buckets with versions: whoever makes a repository there is told.
  @Test func versionsOfCeph() throws {
    try Self.prepare("varve-test-versions", "versioned")
    #expect(throws: VarveError(.refused, "")) {
      try Self.store("varve-test-versions", "x").create()
    }
    try Self.prepare("varve-test-versions", "remove")
  }

  /// The policy of docs/storage-s3.md: a writer reads and adds, and nothing else.
  @Test(.enabled(if: TestTools.variable("VARVE_TEST_S3_WRITER") != nil))
  func writersPolicy() throws {
    let bucket = "varve-test-policy"
    let text = try String(
      decoding: fileBytes(TestTools.conformance + "/../../docs/storage-s3.md"), as: UTF8.self)
    let start: String.Index = try #require(text.firstRange(of: "```json\n")).upperBound
    let end: String.Index = try #require(text[start...].firstRange(of: "```")).lowerBound
    let policy = String(text[start..<end])
    let directory = TemporaryDirectory()
    fileText(
      directory("policy"),
      policy.replacing("OWNER", with: try Self.variable("OWNER")).replacing(
        "WRITER", with: try Self.variable("WRITER")
      )
      .replacing("BUCKET", with: bucket).replacing("PREFIX", with: "backups"))
    try Self.prepare(bucket, "policy", directory("policy"))
    let owner = try Self.store(bucket, "backups")
    let writer = try Self.store(bucket, "backups", Self.keys("WRITER_"))
    let name = ObjectName.index(SHA256.digest([1]))
    try writer.put(name, [1])
    #expect(try writer.createExclusively(ObjectName.commit(0), [1, 2]))
    #expect(try !writer.createExclusively(ObjectName.commit(0), [3]))
    #expect(try writer.read(name) == [1])
    #expect(try writer.size("keys/none") == nil)
    var count = 0
    try writer.list("") { _, _ in count += 1 }
    #expect(count == 2)
    #expect(throws: VarveError(.forbidden, "")) { try writer.remove(name) }
    #expect(try owner.read(name) == [1])
    try Self.store(bucket, "other").put("keys/a", [1])
    let beside = try Self.store(bucket, "other", Self.keys("WRITER_"))
    #expect(throws: VarveError(.forbidden, "")) { try beside.put("keys/a", [1]) }
    #expect(throws: VarveError(.forbidden, "")) { _ = try beside.read("keys/a") }
    try owner.remove(name)
    try Self.prepare(bucket, "remove")
  }
}
