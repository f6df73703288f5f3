import Glibc
import Testing
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// moto's S3 server, started once for all tests that want it.
private enum Moto {
  static let buckets = ["varve", "varve-locked"]

  static let server = Result<(process: ServerProcess, url: String), any Error> {
    let process = try ServerProcess(
      [TestTools.python, TestTools.conformance + "/s3server.py"] + buckets)
    guard let url = process.readLine(), url.hasPrefix("http://") else {
      throw ServerProcess.Failure(
        description: "no S3 server: scripts/install-requirements --judges?")
    }
    return (process, url)
  }

  static func store(
    _ prefix: String, bucket: String = "varve",
    _ change: (inout S3Storage.Options) -> Void = { _ in }
  ) throws -> S3Storage {
    var options = S3Storage.Options()
    change(&options)
    return try S3Storage(
      S3Location("s3:\(server.get().url)/\(bucket)/\(prefix)"),
      credentials: FixedAWSCredentials.test(), options: options)
  }
}

@Suite(.onOwnThreads) struct S3ConformanceTests {
  @Test(arguments: StorageConformance.cases)
  func conformsOnMoto(_ conformance: StorageConformance.Case) throws {
    let prefix = "case \(conformance.description.utf8.reduce(0) { ($0 &* 31) &+ Int($1) })"
    let store = try Moto.store(prefix)
    try store.create()
    try conformance.run(RetryStorage(store))
  }

  @Test func partsOnMoto() throws {
    for checksum in S3Storage.Checksum.allCases where checksum != .crc64nvme {
      let store = try Moto.store("parts-\(checksum.rawValue)") {
        $0.multipartSize = 5 << 20
        $0.checksum = checksum
      }
      var random = SeededGenerator(seed: 1)
      let bytes = Array(repeatElement(random.bytes(1 << 20), count: 11).joined()) + [1]
      try store.put("packs/00/large", bytes)
      #expect(try store.read("packs/00/large") == bytes)
    }
  }

  /// The lock holds against removal: what was stored is still there as a version of the key.
  @Test func locksOnMoto() throws {
    let store = try Moto.store("lock", bucket: "varve-locked") {
      $0.retention = try? S3Storage.Retention(.governance, days: 3)
    }
    try store.put("keys/a", [1])
    let later = Timestamp(seconds: Int64(time(nil)) + 9 * 86_400)
    try store.extendRetention(of: "keys/a", until: later)
    let check = try ServerProcess([
      TestTools.python, "-c",
      """
      import boto3, sys, botocore
      client = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1",
          aws_access_key_id="a", aws_secret_access_key="b")
      key = {"Bucket": "varve-locked", "Key": "lock/keys/a"}
      head = client.head_object(**key)
      print(head["ObjectLockMode"], int(head["ObjectLockRetainUntilDate"].timestamp()))
      try:
          client.delete_object(VersionId=head["VersionId"], **key)
          print("gone")
      except botocore.exceptions.ClientError as error:
          print(error.response["Error"]["Code"])
      """, try Moto.server.get().url,
    ])
    #expect(check.readLine() == "GOVERNANCE \(later.seconds)")
    #expect(check.readLine() == "AccessDenied")
    try store.remove("keys/a")
    #expect(try store.size("keys/a") == nil)
  }

  @Test func whatMotoRefuses() throws {
    let url = try Moto.server.get().url
    let store = try S3Storage(
      S3Location("s3:\(url)/nobodys-bucket"), credentials: FixedAWSCredentials.test())
    #expect(throws: VarveError(.noRepository, "")) { try store.create() }
    #expect(throws: VarveError(.noRepository, "")) { _ = try store.read("config") }
  }
}
