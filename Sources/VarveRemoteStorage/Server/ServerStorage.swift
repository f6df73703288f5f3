// A repository on one of Varve's servers (docs/server-openapi.yaml):
//
//     read, size        GET with Range, HEAD                 200, 206; 404 none; 416 shorter than asked
//     put               PUT                                  201, 204
//     create only       PUT with If-None-Match: *            201; 412 there is one
//     settle, remove    POST, DELETE                         204; 404 none
//     list              GET ?list=&after=&limit=             pages, until one has no "next"
//     create            POST of the repository               201, 204
//
//     401 403           forbidden: the token is wrong, or for something else
//     409               forbidden: what is there may not be replaced
//     404               missing only as the server itself says it; else unavailable
//     422               damaged: what arrived was not what was sent
//     507 413           io: no room, or too long
//     500               io, when the problem's type says that it is this object which cannot be read
//     429 408 other 5xx unavailable: asked again by RetryStorage

public import VarveFormat
public import VarveStorage

/// A repository on one of Varve's servers.
public final class ServerStorage: StorageBackend {
  public struct Options: Sendable {
    /// nil for a server that asks for none.
    public var credential: ServerCredential?
    public var exchange = HTTPExchange.Options()
    /// Names in a page of a list; the server has a limit of its own.
    package var pageLimit = 5_000

    public init() {}
  }

  private static let largestPage = 16 << 20

  /// The type of a problem that is one object's: asking again does not help, and others may be read.
  private static let unreadableObject = "urn:varve:problem:unreadable-object"

  private let place: ServerLocation
  private let options: Options
  private let exchange: HTTPExchange

  /// Asks nothing yet.
  ///
  /// - Throws: `VarveError.Code.usage` when the authorities' file cannot be read.
  public init(_ location: ServerLocation, options: Options) throws {
    place = location
    self.options = options
    exchange = try HTTPExchange(options.exchange)
  }

  public var location: String { place.text }

  public var transfersAtOnce: Int { options.exchange.connections }

  public func create() throws {
    let answer = try send("POST", "")
    guard answer.isSuccess else { throw failure(answer, "cannot make \(location)") }
  }

  // MARK: Reading

  public func read(_ name: String) throws -> [UInt8] {
    try StorageName.validate(name)
    let answer: HTTPExchange.Answer
    do {
      answer = try send("GET", name, largestAnswer: Int(ObjectName.byteLimit(of: name)))
    } catch let error as VarveError where error.isTooLongAnswer {
      throw tooLong(name)
    }
    guard answer.status == 200 else { throw failure(answer, reading: name) }
    guard answer.body.count <= ObjectName.byteLimit(of: name) else { throw tooLong(name) }
    return answer.body
  }

  public func read(
    _ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    try StorageName.validate(name)
    let (end, overflow) = offset.addingReportingOverflow(UInt64(buffer.count))
    guard !overflow else { throw tooShort(name) }
    guard !buffer.isEmpty else {
      guard let size = try size(name) else { throw missing(name) }
      guard end <= size else { throw tooShort(name) }
      return
    }
    let range = [("range", "bytes=\(offset)-\(end - 1)")]
    let answer = try send("GET", name, range, into: buffer, largestAnswer: buffer.count)
    // A server may send the whole of what is asked for as a whole.
    let isWhole = answer.status == 200 && offset == 0
    guard answer.status == 206 || isWhole else { throw failure(answer, reading: name) }
    guard answer.bodyByteCount == buffer.count else { throw tooShort(name) }
    if isWhole { buffer.copyBytes(from: answer.body) }
  }

  public func size(_ name: String) throws -> UInt64? {
    guard let answer = try described(name) else { return nil }
    guard let size = answer.header("content-length").flatMap({ UInt64($0) }) else {
      throw VarveError(.io, "\(location) does not say how long \(name) is")
    }
    return size
  }

  public func modificationTime(_ name: String) throws -> Timestamp? {
    guard let text = try described(name)?.header("varve-modified") else { return nil }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].utf8.count == 9, let seconds = Int64(parts[0]),
      let nanoseconds = UInt32(parts[1])
    else { throw VarveError(.io, "\(location) does not say when \(name) was stored") }
    return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
  }

  private func described(_ name: String) throws -> HTTPExchange.Answer? {
    try StorageName.validate(name)
    let answer = try send("HEAD", name)
    if Self.saysThereIsNone(answer) { return nil }
    guard answer.status == 200 else { throw failure(answer, reading: name) }
    return answer
  }

  // MARK: Writing

  public func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    try StorageName.validate(name)
    let answer = try send("PUT", name, body: bytes)
    guard answer.isSuccess else { throw failure(answer, writing: name) }
  }

  public func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try StorageName.validate(name)
    let answer = try send("PUT", name, [("if-none-match", "*")], body: bytes)
    if answer.status == 412 { return false }
    guard answer.isSuccess else { throw failure(answer, writing: name) }
    return true
  }

  public func settle(_ name: String) throws {
    try StorageName.validate(name)
    let answer = try send("POST", name)
    guard answer.isSuccess else { throw failure(answer, reading: name) }
  }

  public func remove(_ name: String) throws {
    try StorageName.validate(name)
    let answer = try send("DELETE", name)
    guard answer.isSuccess || Self.saysThereIsNone(answer) else {
      throw failure(answer, "cannot remove \(name) in \(location)")
    }
  }

  // MARK: Listing

  public func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    let directory = prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix
    if !directory.isEmpty { try StorageName.validate(directory) }
    let beginning = directory.isEmpty ? "" : directory + "/"
    var after = ""
    repeat {
      // Names need no percent-encoding in a query.
      let answer = try send(
        "GET",
        "?list=\(directory)&limit=\(options.pageLimit)\(after.isEmpty ? "" : "&after=\(after)")",
        largestAnswer: Self.largestPage)
      if Self.saysThereIsNone(answer) { return }
      guard answer.status == 200 else { throw failure(answer, "cannot list \(location)") }
      let what = "the list of \(location)"
      let page = try JSONValue(canonical: answer.body, what)
      let objects = try page.array("objects")
      for object in objects {
        let name = try object.string("name")
        // Ascending, so that no server can have us read on for ever.
        guard StorageName.isValid(name), name.hasPrefix(beginning), name > after else {
          throw VarveError(.io, "\(what) has a name out of its order")
        }
        after = name
        try body(name, try object.count("size"))
      }
      guard let next = try page.optionalString("next") else { return }
      guard next == after, !objects.isEmpty else {
        throw VarveError(.io, "\(what) does not go on where it ends")
      }
    } while true
  }

  // MARK: Requests and failures

  private func send(
    _ method: String, _ path: String, _ fields: [(name: String, value: String)] = [],
    body: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
    into content: UnsafeMutableRawBufferPointer? = nil, largestAnswer: Int = 64 << 10
  ) throws -> HTTPExchange.Answer {
    var fields = fields
    if let credential = options.credential {
      fields.append(("authorization", credential.authorization))
    }
    return try exchange.send(
      HTTPExchange.Request(method, place.url + path, headers: fields), body, into: content,
      // Refusals say why.
      largestAnswer: max(largestAnswer, 64 << 10))
  }

  private func failure(_ answer: HTTPExchange.Answer, reading name: String) -> VarveError {
    switch answer.status {
    case 404 where Self.saysThereIsNone(answer): missing(name)
    case 416: tooShort(name)
    case 500 where Self.problem(answer)?.type == Self.unreadableObject:
      VarveError(
        .io, "cannot read \(name) in \(location): \(Self.reason(answer))",
        hint: "look at the server's disk; run 'varve check' to see what depends on it")
    default: failure(answer, "cannot read \(name) in \(location)")
    }
  }

  private func failure(_ answer: HTTPExchange.Answer, writing name: String) -> VarveError {
    let what = "cannot write \(name) in \(location)"
    guard Self.saysThereIsNone(answer) else { return failure(answer, what) }
    return VarveError(
      .noRepository, "there is no repository at \(location)",
      hint: "check the name, or make one with 'varve init' and a token of the kind full")
  }

  private func failure(_ answer: HTTPExchange.Answer, _ what: String) -> VarveError {
    let message = "\(what): \(Self.reason(answer))"
    switch answer.status {
    case 401:
      return VarveError(
        .forbidden, message,
        hint:
          "give the token with --server-token-file or VARVE_SERVER_TOKEN; it may have been removed, or have expired"
      )
    case 403, 428:
      return VarveError(
        .forbidden, message,
        hint: "ask who runs the server for a token of a kind that may do this (docs/server.md)")
    case 404 where Self.saysThereIsNone(answer): return VarveError(.missing, message)
    case 404:
      return VarveError(
        .unavailable, message,
        hint: "see whether the address is that of Varve's server, and no proxy stands between")
    case 409:
      return VarveError(
        .forbidden, message,
        hint: "where it is damaged, have it removed by somebody with a token of the kind full")
    case 413:
      return VarveError(
        .io, message, hint: "who runs the server can raise --max-object-size")
    case 422:
      return VarveError(
        .damaged, message,
        hint:
          "the bytes changed on their way, or in this machine's memory; run the command again, and test the memory if it stays"
      )
    case 507:
      return VarveError(
        .io, message, hint: "forget and prune, or ask who runs the server for a larger quota")
    case 408, 429, 500...599: return VarveError(.unavailable, message)
    default: return VarveError(.io, message)
    }
  }

  /// What a problem document says, else the status.
  private static func reason(_ answer: HTTPExchange.Answer) -> String {
    guard let detail = problem(answer)?.detail else {
      return "the server answers \(answer.status)"
    }
    return "\(ByteText.printable(Array(detail.utf8))) (\(answer.status))"
  }

  /// Whether it is the server that knows nothing of that name, and not a proxy that knows nothing of the server. An answer to
  /// HEAD has the type of the body that it has not.
  private static func saysThereIsNone(_ answer: HTTPExchange.Answer) -> Bool {
    answer.status == 404 && answer.contentType == problemType
  }

  private static let problemType = "application/problem+json"

  private static func problem(
    _ answer: HTTPExchange.Answer
  ) -> (type: String?, detail: String)? {
    guard answer.contentType == problemType,
      let problem = try? JSONValue(canonical: answer.body, "the answer"),
      let detail = try? problem.string("detail")
    else { return nil }
    return ((try? problem.optionalString("type")) ?? nil, detail)
  }

  private func missing(_ name: String) -> VarveError {
    VarveError(
      .missing, "\(name) is not in \(location)",
      hint: "run 'varve check' to see what depends on it")
  }

  private func tooShort(_ name: String) -> VarveError {
    VarveError(
      .damaged, "\(name) in \(location) is shorter than it should be",
      hint: "run 'varve check' to see what depends on it")
  }
}
