// What becomes of a request to the service; it ends at the first that fails.
//
//     below /v1/, and /openapi.yaml       the storage API's, where there is one (StorageResponder)
//     path and method                     404, 405
//     who asks                            401, 421; a browser is sent to /login
//     too many requests                   429
//     may they do that                    403
//     the request itself                  400, 404, 409, 413, 415
//
// Nothing that is public says a name, a path or a host. Whatever waits for a store or a disk runs on `threads`; /health,
// /ready, /version and /metrics wait for nothing.

import HTTPTypes
import Hummingbird
import NIOCore
import NIOPosix
import VarveFormat
import VarveOperations

struct ServiceResponder: HTTPResponder {
  typealias Context = StorageContext

  static let bodyLimit = 64 << 10
  private static let policy =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

  let storage: StorageResponder?
  let board: StatusBoard
  let access: ServiceAccess
  let jobs: JobBook
  let actions: ServiceActions
  let requestRate: RateLimit
  let failureRate: RateLimit
  let downloads: TransferSlots
  let threads: NIOThreadPool

  func respond(to request: Request, context: StorageContext) async throws -> Response {
    let path = request.head.path ?? ""
    if let storage, path.hasPrefix("/v1/") || path == "/openapi.yaml" {
      return try await storage.respond(to: request, context: context)
    }
    let parts = path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let route = ServiceRoute(path: parts.first ?? "")
    var response: Response
    do {
      response = try await answer(
        route, request, query: parts.count == 2 ? parts[1] : "", context)
    } catch {
      let problem = error as? Problem ?? ServiceProblem.problem(error)
      response =
        route?.isPage == true || route == nil && Self.isBrowser(request)
        ? ErrorPage(problem).response : problem.response
    }
    if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
    response.headers[.xContentTypeOptions] = "nosniff"
    response.headers[.contentSecurityPolicy] = Self.policy
    response.headers[HTTPField.Name("referrer-policy")!] = "same-origin"
    guard request.method == .head else { return response }
    let fields = response.headers
    response.body = ResponseBody()
    response.headers = fields
    return response
  }

  private static func isBrowser(_ request: Request) -> Bool {
    request.headers[.accept]?.contains("text/html") == true
  }

  private func answer(
    _ route: ServiceRoute?, _ request: Request, query: Substring, _ context: StorageContext
  ) async throws -> Response {
    guard let route else { throw Problem(404, "there is nothing at that path") }
    guard route.methods.contains(request.method) else {
      let methods = route.methods.map(\.rawValue).joined(separator: ", ")
      throw Problem(405, "that can be asked for with \(methods)", headers: [.allow: methods])
    }
    if request.method == .post { try access.requireSameSite(request) }
    if route.isPublic { return try await answerPublic(route, request, context) }
    let caller: ServiceAccess.Caller?
    do {
      caller = try access.caller(request)
    } catch {
      try limit(failureRate, context.address)
      throw error
    }
    guard let caller else {
      try limit(failureRate, context.address)
      if route.isPage, Self.isBrowser(request) { return Self.redirect("/login") }
      throw Problem(
        401, "this needs a token: Authorization: Bearer …",
        headers: [.wwwAuthenticate: "Bearer realm=\"varve\""])
    }
    try limit(requestRate, caller.key)
    if request.method == .post, route != .logout, !caller.mayAct {
      throw Problem(403, "this token may look, but not start anything")
    }
    // A probe's token lies about in configurations; what it opens must not be what backups are sealed for.
    if route.showsContent, !caller.mayAct {
      throw Problem(403, "this token may see how backups are, but not what is in them")
    }
    if route == .metrics { return metrics() }
    if route == .logout {
      var response = Self.redirect("/login")
      response.headers[.setCookie] = access.signOut(request)
      return response
    }
    if route.isPage {
      return try await pages(caller).answer(route, try await form(request, query), request.method)
    }
    return try await admin.answer(
      route, query: try FormFields(query),
      body: request.method == .post ? try await json(request) : .null, request.method)
  }

  private func answerPublic(
    _ route: ServiceRoute, _ request: Request, _ context: StorageContext
  ) async throws -> Response {
    switch route {
    case .health: return health()
    case .ready:
      let isReady = board.shown.isComplete
      return Self.json(
        .object(["status": .string(isReady ? "ready" : "starting")]),
        status: isReady ? .ok : .serviceUnavailable)
    case .version:
      return Self.json(
        .object(["program": .string("varve"), "version": .string(ProgramVersion.number)]))
    case .description:
      return Self.text(ServiceDescription.text, "application/yaml")
    case .style:
      var response = Self.text(PageStyle.text, "text/css; charset=utf-8")
      response.headers[.cacheControl] = "max-age=3600"
      return response
    case .icon:
      var response = Self.text(PageStyle.icon, "image/svg+xml")
      response.headers[.cacheControl] = "max-age=86400"
      return response
    default: return try await logIn(request, context)
    }
  }

  private func logIn(_ request: Request, _ context: StorageContext) async throws -> Response {
    guard access.needsToken else { return Self.redirect("/") }
    guard request.method == .post else { return LoginPage(failed: false).response }
    let fields = try await form(request, "")
    guard let token = fields.text("token"), let cookie = access.signIn(Self.trimmed(token)) else {
      try limit(failureRate, context.address)
      return LoginPage(failed: true).response
    }
    var response = Self.redirect("/")
    response.headers[.setCookie] = cookie
    return response
  }

  private static func trimmed(_ text: String) -> String {
    let isSpace: (Character) -> Bool = { $0 == " " || $0.isNewline || $0 == "\t" }
    return String(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
  }

  // MARK: For watchers

  /// Always 200: what asks whether the service lives must not restart it because a backup is late.
  private func health() -> Response {
    let shown = board.shown
    let backups = !shown.isComplete ? "unknown" : shown.report?.isGood == true ? "ok" : "degraded"
    var members: [String: JSONValue] = ["status": "ok", "backups": .string(backups)]
    if let report = shown.report, shown.isComplete {
      members["checked"] = .string(report.time.utcSeconds)
      members["sources"] = .integer(Int64(report.sources.count))
      members["sources_bad"] = .integer(
        Int64(report.sources.count { $0.level == .bad }))
      members["repositories_bad"] = .integer(
        Int64(report.repositories.count { $0.level == .bad }))
      members["drills_bad"] = .integer(Int64(report.drills.count { $0.level == .bad }))
    }
    return Self.json(.object(members))
  }

  private func metrics() -> Response {
    guard let report = board.shown.report else {
      return Self.json(
        .object(["status": "starting"]), status: .serviceUnavailable)
    }
    return Self.text(MetricsText.text(report), MetricsText.contentType)
  }

  // MARK: Requests and answers

  private var admin: AdminInterface {
    AdminInterface(board: board, jobs: jobs, actions: actions, threads: threads)
  }

  private func pages(_ caller: ServiceAccess.Caller) -> ServicePages {
    ServicePages(
      board: board, jobs: jobs, admin: admin, caller: caller, downloads: downloads,
      threads: threads)
  }

  private func limit(_ rate: RateLimit, _ key: String) throws {
    guard let seconds = rate.wait(for: key) else { return }
    throw Problem(
      429, "too many requests; again in \(seconds) s", headers: [.retryAfter: "\(seconds)"])
  }

  private func body(_ request: Request) async throws -> [UInt8] {
    do {
      return Array(try await request.body.collect(upTo: Self.bodyLimit).readableBytesView)
    } catch is NIOTooManyBytesError {
      throw Problem(413, "the body has more than \(Self.bodyLimit) bytes")
    }
  }

  /// The fields of a form, or of the query.
  private func form(_ request: Request, _ query: Substring) async throws -> FormFields {
    guard request.method == .post else { return try FormFields(query) }
    let type = request.headers[.contentType]?.prefix { $0 != ";" }.lowercased()
    guard type == "application/x-www-form-urlencoded" else {
      throw Problem(415, "a form is sent as application/x-www-form-urlencoded")
    }
    return try FormFields(String(decoding: try await body(request), as: UTF8.self))
  }

  private func json(_ request: Request) async throws -> JSONValue {
    let bytes = try await body(request)
    guard !bytes.isEmpty else { return .object([:]) }
    let type = request.headers[.contentType]?.prefix { $0 != ";" }.lowercased()
    guard type == "application/json" else {
      throw Problem(415, "the body is sent as application/json")
    }
    guard let value = try? JSONText.value(bytes), case .object = value else {
      throw Problem(400, "the body is no JSON object")
    }
    return value
  }

  static func json(
    _ value: JSONValue, status: HTTPResponse.Status = .ok
  ) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.canonicalBytes())))
  }

  static func text(_ text: String, _ type: String) -> Response {
    Response(
      status: .ok, headers: [.contentType: type],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }

  static func redirect(_ path: String) -> Response {
    Response(status: .seeOther, headers: [.location: path])
  }
}

/// What errors of the program mean to who asks over HTTP.
enum ServiceProblem {
  static func problem(_ error: any Error) -> Problem {
    guard let error = error as? VarveError else { return Problem(500, "the service failed") }
    switch error.code {
    case .notFound, .missing, .noRepository: return Problem(404, error.message)
    case .usage: return Problem(400, error.message)
    case .forbidden, .refused: return Problem(403, error.message)
    case .unavailable, .io, .unproved: return Problem(503, error.message)
    default: return Problem(500, error.message)
    }
  }
}
