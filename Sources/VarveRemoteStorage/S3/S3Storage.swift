// Objects as objects of an S3 bucket, under a prefix (docs.aws.amazon.com/AmazonS3/latest/API).
//
// Writing    PUT, signed with the SHA-256 of the body: the service refuses what changed on its way, and answers when the
//            object is durable. Larger than `multipartSize`: S3Multipart.swift.
// Creating   PUT with `If-None-Match: *`: 412 when there is one; 409 means that another attempt is under way, so it is
//            asked again. Never through a multipart upload: some services ignore the condition there.
// Stored     is what is answered with status 200 and an ETag: whatever else stands between answers 200 for itself.
// Unclear    when no answer came, one of 5xx, or one that is no service's: `unavailable`. Whoever creates reads back what is
//            there and compares.
// Reading    GET, ranges as `bytes=a-b`.
// Listing    ListObjectsV2, page by page; each page is asked for again by itself.
//
// What a service says is told by status and error code; its messages are passed on, and nothing rests on them.

import VarveCrypto
public import VarveFormat
public import VarveStorage

/// A store in a bucket of AWS S3 or a service that speaks its protocol.
public final class S3Storage: StorageBackend {
  let place: S3Location
  let options: Options
  let service: S3Service

  /// Touches nothing.
  ///
  /// - Parameters:
  ///   - endpoint: where requests go, in place of the location's own.
  /// - Throws: `VarveError.Code.usage` for options that make no sense.
  public init(
    _ place: S3Location, endpoint: S3Location.Endpoint? = nil,
    credentials: any AWSCredentialProvider, options: Options = Options()
  ) throws {
    try options.validate()
    self.place = place
    self.options = options
    service = try S3Service(
      place, endpoint: endpoint ?? place.endpoint, credentials: credentials, options: options)
  }

  /// A store with the credentials, the region and the endpoint that the environment and the shared AWS files name. Touches
  /// nothing but those files.
  public static func open(
    _ place: S3Location, _ options: Options = Options(), environment: [String: String]
  ) throws -> S3Storage {
    let settings = AWSSettings(environment: environment)
    var options = options
    options.region = try options.region ?? place.regionOfHost ?? settings.region()
    var endpoint = place.endpoint
    if endpoint == .aws, let url = try settings.endpoint() {
      endpoint = try S3Location.endpoint(url)
    }
    return try S3Storage(
      place, endpoint: endpoint, credentials: AWSCredentialChain(settings), options: options)
  }

  public var location: String { place.description }

  public var transfersAtOnce: Int { options.exchange.connections }

  func key(_ name: String) throws -> String {
    try StorageName.validate(name)
    return place.prefix + name
  }

  // MARK: Reading

  public func read(_ name: String) throws -> [UInt8] {
    var call = S3Service.Call("GET", key: try key(name))
    call.largestAnswer = Self.largestAnswer(name)
    let answer: S3Service.Answer
    do {
      answer = try service.send(call, accepting: [404])
    } catch let error as VarveError where error.isTooLongAnswer {
      throw tooLong(name)
    }
    guard answer.status != 404 else { throw absent(name, answer) }
    guard answer.body.count <= ObjectName.byteLimit(of: name) else { throw tooLong(name) }
    return answer.body
  }

  /// Refusals say why, and some services send the whole of an object for a part.
  private static func largestAnswer(_ name: String) -> Int {
    max(Int(ObjectName.byteLimit(of: name)), S3Document.byteLimit)
  }

  public func read(
    _ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    guard !buffer.isEmpty else {
      guard let size = try size(name) else { throw missing(name) }
      guard offset <= size else { throw tooShort(name) }
      return
    }
    var call = S3Service.Call("GET", key: try key(name))
    let (end, overflow) = offset.addingReportingOverflow(UInt64(buffer.count) - 1)
    guard !overflow else { throw tooShort(name) }
    call.headers = [("range", "bytes=\(offset)-\(end)")]
    call.largestAnswer = Self.largestAnswer(name)
    let answer = try service.send(call, into: buffer, accepting: [404, 416])
    switch answer.status {
    case 404: throw absent(name, answer)
    case 416: throw tooShort(name)
    case 206:
      // What is cut off by the object's end comes as far as it goes.
      guard Self.begins(answer, at: offset), answer.bodyByteCount <= buffer.count else {
        throw VarveError(.unavailable, "\(location) answers with another part of \(name)")
      }
      guard answer.bodyByteCount == buffer.count else { throw tooShort(name) }
    default:
      // A service that knows no ranges sends the whole object.
      guard UInt64(answer.body.count) > end else { throw tooShort(name) }
      buffer.copyBytes(from: answer.body[Int(offset)...Int(end)])
    }
  }

  /// Whether it says that it begins there, where it says anything.
  private static func begins(_ answer: S3Service.Answer, at offset: UInt64) -> Bool {
    guard let range = answer.header("content-range") else { return true }
    return range.hasPrefix("bytes \(offset)-")
  }

  private func missing(_ name: String) -> VarveError {
    VarveError(.missing, "\(name) is not in \(location)")
  }

  private func tooShort(_ name: String) -> VarveError {
    VarveError(.damaged, "\(name) in \(location) is shorter than it should be")
  }

  /// What status 404 means: only S3 itself can say that an object is missing, and a bucket that is not there is none.
  private func absent(_ name: String, _ answer: S3Service.Answer) -> VarveError {
    guard let failure = S3Failure(answer.body) else {
      return VarveError(
        .unavailable, "\(location) answers for \(name) with status 404, and not as S3 does",
        hint: Self.proxyHint)
    }
    return failure.code == "NoSuchKey" ? missing(name) : service.failure(answer, "GET", name)
  }

  private static let proxyHint =
    "see whether the address is that of the S3 service, and no proxy stands between"

  public func size(_ name: String) throws -> UInt64? {
    guard let answer = try head(name) else { return nil }
    guard let size = answer.header("content-length").flatMap({ UInt64($0) }) else {
      throw VarveError(.io, "\(location) does not say how large \(name) is")
    }
    return size
  }

  public func modificationTime(_ name: String) throws -> Timestamp? {
    try head(name)?.header("last-modified").flatMap { HTTPDate.parse($0) }
  }

  /// Nil when there is no object of that name, or no bucket: a HEAD has no body to tell, and whoever reads finds out.
  ///
  /// One more request where the service does not number its answers, so that status 404 may be a proxy's.
  func head(_ name: String) throws -> S3Service.Answer? {
    let answer = try service.send(S3Service.Call("HEAD", key: key(name)), accepting: [404])
    guard answer.status == 404 else { return answer }
    if answer.header("x-amz-request-id") != nil { return nil }
    var call = S3Service.Call("GET", key: try key(name))
    call.headers = [("range", "bytes=0-0")]
    call.largestAnswer = Self.largestAnswer(name)
    let whole = try service.send(call, accepting: [404, 416])
    guard whole.status == 404 else { throw comesAndGoes(name) }
    guard S3Failure(whole.body) != nil else { throw absent(name, whole) }
    return nil
  }

  // MARK: Writing

  public func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    if bytes.count > max(options.multipartSize, 5 << 20) { return try putInParts(name, bytes) }
    if options.addsOnly, ObjectName.digest(of: name) != nil {
      if try !createExclusively(name, bytes) { try requireWhole(name) }
      return
    }
    try sendWhole(name, bytes, try putCall(name, bytes))
  }

  public func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    var call = try putCall(name, bytes)
    call.headers.append(("if-none-match", "*"))
    guard try sendWhole(name, bytes, call, accepting: [412]).status == 412 else { return true }
    // A loser looks at what won: whatever stands between may have answered for the service.
    guard try head(name) != nil else { throw comesAndGoes(name) }
    return false
  }

  /// Sees that what could not be replaced has the bytes that its name says.
  ///
  /// - Throws: `VarveError.Code.forbidden` when it has others.
  func requireWhole(_ name: String) throws {
    var cause: VarveError?
    do {
      let found = try read(name)
      if SHA256.digest(found) == ObjectName.digest(of: name) { return }
    } catch let error as VarveError where error.code == .missing {
      throw comesAndGoes(name)
    } catch let error as VarveError where error.code == .damaged {
      cause = error
    }
    throw VarveError(
      .forbidden, "\(name) is damaged in \(location), and may not be replaced",
      hint: "have it removed by somebody who may, or without the option s3.adds-only", cause: cause)
  }

  private func comesAndGoes(_ name: String) -> VarveError {
    VarveError(.unavailable, "\(location) says that \(name) is there, and then that it is not")
  }

  /// - Throws: `VarveError.Code.unavailable` for an answer to an upload of bytes that no service gives.
  func requireStored(_ answer: S3Service.Answer, _ what: String) throws {
    guard answer.status == 200, answer.header("etag")?.isEmpty == false else {
      throw VarveError(
        .unavailable, "\(location) does not say that it has stored \(what)",
        hint: Self.proxyHint)
    }
  }

  @discardableResult
  private func sendWhole(
    _ name: String, _ bytes: UnsafeRawBufferPointer, _ call: S3Service.Call,
    accepting: Set<Int> = []
  ) throws -> S3Service.Answer {
    do {
      let answer = try service.send(call, bytes, accepting: accepting)
      if !accepting.contains(answer.status) { try requireStored(answer, name) }
      return answer
    } catch let error as VarveError where error.code == .unavailable {
      // The service may have refused what would never become right.
      guard SHA256.digest(bytes) == call.payload else {
        throw VarveError(
          .damaged, "what is to be stored as \(name) has another SHA-256 than its name says",
          hint: "it has changed in memory: test this machine's", cause: error)
      }
      throw error
    }
  }

  private func putCall(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> S3Service.Call {
    var call = S3Service.Call("PUT", key: try key(name))
    // What has its digest for a name was hashed to get it.
    call.payload = ObjectName.digest(of: name) ?? SHA256.digest(bytes)
    call.headers = kept(name, bytes) + checksum(name).headers(bytes)
    return call
  }

  /// A lock wants a checksum of the older or the newer kind; all services know the older.
  func checksum(_ name: String) -> Checksum {
    options.checksum == .none && retention(of: name) != nil ? .md5 : options.checksum
  }

  /// How the object is to be kept: class and lock.
  func kept(_ name: String, _ bytes: UnsafeRawBufferPointer) -> [(name: String, value: String)] {
    lockHeaders(name) + storageClass(name, bytes)
  }

  private func storageClass(
    _ name: String, _ bytes: UnsafeRawBufferPointer
  ) -> [(name: String, value: String)] {
    guard let storageClass = options.storageClass, name.hasPrefix(ObjectName.packPrefix),
      let header = try? PackHeader(decoding: bytes), header.type == .data
    else { return [] }
    return [("x-amz-storage-class", storageClass)]
  }

  public func remove(_ name: String) throws {
    let answer = try service.send(S3Service.Call("DELETE", key: key(name)), accepting: [404])
    if answer.status == 404, S3Failure(answer.body) == nil { throw absent(name, answer) }
  }

  // MARK: Listing

  public func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    let directory = prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix
    if !directory.isEmpty { try StorageName.validate(directory) }
    let below = place.prefix + (directory.isEmpty ? "" : directory + "/")
    var continuation: String?
    var (seen, emptyPages) = (0, 0)
    repeat {
      try options.retry.check()
      var call = S3Service.Call("GET", key: nil)
      // Keys of others may have characters that XML has not.
      call.query = [("list-type", "2"), ("prefix", below), ("encoding-type", "url")]
      if let continuation { call.query.append(("continuation-token", continuation)) }
      let page = try options.retry.run {
        try S3Listing(try service.send(call).body, "a list of \(location)")
      }
      seen += page.objects.count
      emptyPages = page.objects.isEmpty ? emptyPages + 1 : 0
      guard seen <= options.mostEntries, emptyPages <= options.mostEmptyPages else {
        throw VarveError(.io, "\(location) lists more than a repository can have")
      }
      for object in page.objects where object.key.hasPrefix(below) {
        let name = String(object.key.dropFirst(place.prefix.count))
        if StorageName.isValid(name) { try body(name, object.size) }
      }
      guard page.continuation == nil || page.continuation != continuation else {
        throw VarveError(.io, "\(location) lists the same page again and again")
      }
      continuation = page.continuation
    } while continuation != nil
  }
}
