import Glibc
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveStorage
import VarveTestSupport

/// Where the tests find other people's programs, and how thorough they are.
enum TestTools {
  private static let sources = String(
    #filePath.prefix(upTo: #filePath.range(of: "/Tests/")!.lowerBound))
  /// Has what scripts/install-requirements --judges installs.
  static let python = sources + "/.build/python/bin/python3"
  static let conformance = sources + "/fixtures/conformance"
  static let isSoak = getenv("VARVE_SOAK") != nil

  static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}

extension FixedAWSCredentials {
  static func test(_ id: String = "varve", _ secret: String = "secret") throws
    -> FixedAWSCredentials
  {
    FixedAWSCredentials(
      try AWSCredentials(
        accessKeyID: id, secretAccessKey: SecretBytes(copying: Array(secret.utf8))))
  }
}

extension S3Storage {
  /// A store on a server of the test, which lives as long as the store.
  static func test(
    _ host: any LoopbackHost, _ prefix: String = "repository",
    _ change: (inout Options) -> Void = { _ in }
  ) throws -> S3Storage {
    var options = Options()
    options.retry = .quick
    change(&options)
    options.retry.check = { withExtendedLifetime(host) {} }
    return try S3Storage(
      S3Location("s3:\(host.url)/\(MemoryS3.bucket)/\(prefix)"),
      credentials: FixedAWSCredentials.test(), options: options)
  }
}

extension RetryPolicy {
  /// Without waiting, and not for long.
  static var quick: RetryPolicy { RetryPolicy(limit: 20, firstPause: 0.001, longestPause: 0.01) }
}

extension String {
  func range(of text: String) -> Range<String.Index>? { firstRange(of: text) }
}

func fileText(_ path: String, _ text: String) {
  let file = fopen(path, "w")
  precondition(file != nil, "no file for a test")
  fputs(text, file)
  fclose(file)
}

func fileBytes(_ path: String) throws -> [UInt8] {
  guard let file = fopen(path, "r") else {
    throw ServerProcess.Failure(description: "no file \(path)")
  }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var room = [UInt8](repeating: 0, count: 64 << 10)
  while true {
    let count = fread(&room, 1, room.count, file)
    if count == 0 { return bytes }
    bytes += room[..<count]
  }
}

/// The code of the error that `body` throws.
func code(_ body: () throws -> Void) -> VarveError.Code? {
  do {
    try body()
  } catch let error as VarveError {
    return error.code
  } catch { return nil }
  return nil
}
