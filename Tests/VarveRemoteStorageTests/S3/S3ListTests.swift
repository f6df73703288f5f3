import Synchronization
import Testing
import VarveFormat
import VarveRemoteStorage
import VarveStorage
import VarveTestSupport

/// Lists that have no end.
@Suite struct S3ListTests {
  /// A bucket whose list has another page behind each, with other tokens.
  private static func server(_ content: String) -> MemoryS3 {
    let number = Mutex(0)
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { _ in
      let token = number.withLock { number in
        number += 1
        return number
      }
      return LoopbackServer.Answer(
        200,
        "<ListBucketResult>\(content)<IsTruncated>true</IsTruncated>"
          + "<NextContinuationToken>\(token)</NextContinuationToken></ListBucketResult>")
    }
    return MemoryS3(behaviour)
  }

  private static let object = "<Contents><Key>repository/keys/a</Key><Size>1</Size></Contents>"
  /// Somebody else's.
  private static let stranger = "<Contents><Key>other</Key><Size>1</Size></Contents>"

  @Test(arguments: [object, stranger]) func theSameKeyForEver(_ content: String) throws {
    let server = Self.server(content)
    let store = try S3Storage.test(server) { $0.mostEntries = 10 }
    var count = 0
    #expect(throws: VarveError(.io, "")) { try store.list("") { _, _ in count += 1 } }
    #expect(count <= 10)
    #expect(server.requests.count == 11)
  }

  @Test func emptyPagesForEver() throws {
    let server = Self.server("")
    let store = try S3Storage.test(server) { $0.mostEmptyPages = 5 }
    #expect(throws: VarveError(.io, "")) { try store.list("") { _, _ in } }
    #expect(server.requests.count == 6)
  }

  /// Empty pages with others between them are those of a bucket in which much was removed.
  @Test func someEmptyPages() throws {
    let number = Mutex(0)
    var behaviour = MemoryS3.Behaviour()
    behaviour.intercept = { _ in
      let page = number.withLock { number in
        number += 1
        return number
      }
      return LoopbackServer.Answer(
        200,
        "<ListBucketResult>\(page.isMultiple(of: 3) ? Self.object : "")"
          + "<IsTruncated>\(page < 12)</IsTruncated>"
          + "<NextContinuationToken>\(page)</NextContinuationToken></ListBucketResult>")
    }
    let server = MemoryS3(behaviour)
    let store = try S3Storage.test(server) { $0.mostEmptyPages = 2 }
    var count = 0
    try store.list("") { _, _ in count += 1 }
    #expect(count == 4)
  }

  /// Whoever interrupts does not wait for the last page.
  @Test func interrupted() throws {
    let server = Self.server(Self.object)
    let pages = Mutex(0)
    var options = S3Storage.Options()
    options.retry = .quick
    options.retry.check = {
      let count = pages.withLock { pages in
        pages += 1
        return pages
      }
      guard count <= 3 else { throw VarveError(.interrupted, "interrupted") }
    }
    let store = try S3Storage(
      S3Location("s3:\(server.url)/\(MemoryS3.bucket)/repository"),
      credentials: FixedAWSCredentials.test(), options: options)
    #expect(throws: VarveError(.interrupted, "")) { try store.list("") { _, _ in } }
    #expect(server.requests.count == 3)
  }
}
