// What becomes of a request: found, judged, carried out, in this order, and it ends at the first that fails.
//
//     path and method                            404, 405
//     too many failures from this address        429
//     the token, if tokens are asked for         401
//     too many requests with this token          429
//     its repository, and the names              403, 400
//     what its kind may do (AccessRules)         403, 409, 428
//     the request itself                         400, 411, 413, 415, 416, 422, 412, 507

import HTTPTypes
import Hummingbird
import NIOCore
import NIOPosix
import VarveFormat
import VarveStorage

/// What a request brings with it.
struct StorageContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// Of the other end of the connection.
  let address: String

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    address = source.channel.remoteAddress?.ipAddress ?? "unknown"
  }
}

/// Answers requests of the storage API.
struct StorageResponder: HTTPResponder {
  typealias Context = StorageContext

  private static let pieceSize = 1 << 20

  let places: RepositoryPlaces
  /// nil when anybody may come.
  let tokens: TokenBook?
  let anonymousKind: AccessKind
  let largestObject: Int
  let tokenRate: RateLimit
  let failureRate: RateLimit
  let slots: TransferSlots
  let threads: NIOThreadPool
  let now: @Sendable () -> Int64

  func respond(to request: Request, context: StorageContext) async throws -> Response {
    var response: Response
    do {
      response = try await answer(request, context)
    } catch let problem as Problem {
      response = problem.response
    } catch let error as VarveError {
      response = Problem(error).response
    }
    response.headers[.cacheControl] = "no-store"
    response.headers[.xContentTypeOptions] = "nosniff"
    guard request.method == .head else { return response }
    // The fields that GET would have, its length among them.
    let fields = response.headers
    response.body = ResponseBody()
    response.headers = fields
    return response
  }

  private func answer(_ request: Request, _ context: StorageContext) async throws -> Response {
    let path = request.head.path ?? ""
    let parts = path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    // A name that cannot be is not said to be so before it is known who asks.
    let target = Result { try StorageTarget(path: parts.first ?? "") }
    if case .success(.unknown) = target { throw Problem(404, "there is nothing at that path") }
    let allowed = (try? target.get().methods) ?? StorageTarget.objectMethods
    guard allowed.contains(request.method) else {
      let methods = allowed.map(\.rawValue).joined(separator: ", ")
      throw Problem(405, "that can be asked for with \(methods)", headers: [.allow: methods])
    }
    if case .success(.description) = target {
      return Response(
        status: .ok, headers: [.contentType: "application/yaml"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: OpenAPIDescription.text)))
    }
    let caller = try caller(request, context)
    switch try target.get() {
    case .repository(let name):
      try caller.require(name)
      return try await repository(name, request, query: parts.dropFirst().first, caller)
    case .object(let repository, let name):
      try caller.require(repository)
      guard parts.count == 1 else { throw Problem(400, "an object is asked for without a query") }
      return try await object(name, in: repository, request, caller)
    case .description, .unknown: throw Problem(404, "there is nothing at that path")
    }
  }

  // MARK: Who asks

  private struct Caller {
    /// The token's id, or the address where there are no tokens: whose shares are limited.
    let key: String
    let kind: AccessKind
    /// nil for any.
    let repository: String?

    func require(_ name: String) throws {
      guard repository == nil || repository == name else {
        throw Problem(403, "this token is for another repository")
      }
    }
  }

  private func caller(_ request: Request, _ context: StorageContext) throws -> Caller {
    guard let tokens else {
      try limit(tokenRate, context.address)
      return Caller(key: context.address, kind: anonymousKind, repository: nil)
    }
    let presented = request.headers[.authorization].flatMap { Self.bearer($0) }
    guard let presented, let token = tokens.token(for: presented, now: now()) else {
      try limit(failureRate, context.address)
      throw Problem(
        401,
        presented == nil
          ? "this needs a token: Authorization: Bearer …" : "this token is not, or no longer, good",
        headers: [.wwwAuthenticate: "Bearer realm=\"varve\""])
    }
    try limit(tokenRate, token.id)
    return Caller(key: token.id, kind: token.kind, repository: token.repository)
  }

  private static func bearer(_ value: String) -> String? {
    let parts = value.split(separator: " ", omittingEmptySubsequences: true)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
    return String(parts[1])
  }

  private func limit(_ rate: RateLimit, _ key: String) throws {
    guard let seconds = rate.wait(for: key) else { return }
    throw Problem(
      429, "too many requests; again in \(seconds) s", headers: [.retryAfter: "\(seconds)"])
  }

  // MARK: Repositories

  private func repository(
    _ name: String, _ request: Request, query: Substring?, _ caller: Caller
  ) async throws -> Response {
    let places = places
    guard request.method != .post else {
      guard query == nil else { throw Problem(400, "a repository is made without a query") }
      guard caller.kind == .full else {
        throw Problem(403, "making a repository needs a token of the kind full")
      }
      let isNew = try await threads.runIfActive { try places.create(name) }
      return Response(status: isNew ? .created : .noContent)
    }
    let query = try ListQuery(query: query)
    let place = try await place(name)
    let body = try await threads.runIfActive { () -> ByteBuffer in
      let objects = try place.storage.page(query.prefix, after: query.after, limit: query.limit)
      var members: [String: JSONValue] = [
        "objects": .array(
          objects.map {
            .object(["name": .string($0.name), "size": .integer(Int64(clamping: $0.size))])
          })
      ]
      if objects.count == query.limit, let last = objects.last {
        members["next"] = .string(last.name)
      }
      return ByteBuffer(bytes: JSONValue.object(members).canonicalBytes())
    }
    return Response(
      status: .ok, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: body))
  }

  private func place(_ name: String) async throws -> RepositoryPlace {
    let places = places
    guard let place = try await threads.runIfActive({ try places.place(name) }) else {
      throw Problem(404, "there is no such repository")
    }
    return place
  }

  // MARK: Objects

  private func object(
    _ name: String, in repository: String, _ request: Request, _ caller: Caller
  ) async throws -> Response {
    switch request.method {
    case .put:
      return try await store(name, in: repository, request, caller)
    case .delete:
      let reason = caller.kind.reasonAgainstRemoving(name)
      // Who may delete learns of an object that it is not there, whatever its name.
      if let reason, caller.kind != .full { throw Problem(403, reason) }
      let place = try await place(repository)
      try await threads.runIfActive {
        if let reason, try place.storage.size(name) != nil { throw Problem(403, reason) }
        guard try place.remove(name) else { throw Problem(404, "there is no such object") }
      }
      return Response(status: .noContent)
    case .post:
      let place = try await place(repository)
      try await threads.runIfActive {
        guard try place.storage.size(name) != nil else {
          throw Problem(404, "there is no such object")
        }
        try place.storage.settle(name)
      }
      return Response(status: .noContent)
    default:
      return try await ObjectDownload.response(
        name, range: request.headers[.range], isHead: request.method == .head,
        from: try await place(repository), on: threads)
    }
  }

  private func store(
    _ name: String, in repository: String, _ request: Request, _ caller: Caller
  ) async throws -> Response {
    let upload = try UploadHead(request.headers, largest: largestObject)
    let onlyNew: Bool
    switch caller.kind.storing(name, isConditional: upload.isConditional) {
    case .forbidden(let reason): throw Problem(403, reason)
    case .needsCondition: throw Problem(428, "a commit is stored with If-None-Match: *")
    case .onlyNew: onlyNew = true
    case .allowed(let largest):
      guard upload.size <= largest else {
        throw Problem(413, "an object of that name has at most \(largest) bytes here")
      }
      onlyNew = upload.isConditional
    }
    let place = try await place(repository)
    let slot = try await slots.enter(for: caller.key)
    defer { withExtendedLifetime(slot) {} }
    let incoming = try await threads.runIfActive { () -> ObjectUpload in
      if onlyNew, try place.storage.size(name) != nil { throw Self.exists(upload) }
      let incoming = try ObjectUpload(
        name, size: Int64(upload.size), to: place, by: caller.kind)
      guard let incoming else {
        throw Problem(507, "the repository's quota leaves no room for \(upload.size) bytes")
      }
      return incoming
    }
    try await receive(request.body, upload.size, into: incoming)
    switch try await threads.runIfActive({ try incoming.finish(onlyNew: onlyNew) }) {
    case .created: return Response(status: .created)
    case .replaced: return Response(status: .noContent)
    case .exists: throw Self.exists(upload)
    case .isNotItsName:
      throw Problem(422, "the SHA-256 of these bytes is not the one in the object's name")
    }
  }

  private static func exists(_ upload: UploadHead) -> Problem {
    upload.isConditional
      ? Problem(412, "there is an object of that name")
      : Problem(409, "there is an object of that name, which is never replaced")
  }

  private func receive(
    _ body: RequestBody, _ size: Int, into upload: ObjectUpload
  ) async throws {
    var gathered = GatheredBody(capacity: min(Self.pieceSize, size))
    var total = 0
    for try await var piece in body {
      total += piece.readableBytes
      guard total <= size else { throw Problem(400, "the body is longer than it said") }
      while piece.readableBytes > 0 {
        let taken = piece.withUnsafeReadableBytes { gathered.take($0) }
        piece.moveReaderIndex(forwardBy: taken)
        if gathered.isFull { try await write(&gathered, to: upload) }
      }
    }
    // A connection that breaks off ends a body, too.
    guard total == size else { throw Problem(400, "the body is shorter than it said") }
    if gathered.count > 0 { try await write(&gathered, to: upload) }
  }

  private func write(_ gathered: inout GatheredBody, to upload: ObjectUpload) async throws {
    let bytes = gathered.bytes
    try await threads.runIfActive { try upload.append([bytes]) }
    gathered.clear()
  }
}
