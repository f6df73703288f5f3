// As much of S3 as Varve uses, in memory, for tests that make many requests: objects with conditional creation, ranges, lists in
// pages, uploads in parts, retention. It looks at no signature.

import Synchronization
import VarveFormat

/// A server that speaks S3, with one bucket.
public final class MemoryS3: LoopbackHost {
  public struct Behaviour: Sendable {
    /// Keys on a page of a list.
    public var pageSize = 1000
    /// `If-None-Match` is passed over, as in buckets with versions of some services.
    public var ignoresConditions = false
    /// Answers in place of the server's own, where it gives any.
    public var intercept: @Sendable (HTTPMessage) -> LoopbackServer.Answer? = { _ in nil }

    public init() {}
  }

  private struct State {
    var objects: [String: [UInt8]] = [:]
    var retention: [String: (mode: String, until: String)] = [:]
    var uploads: [String: [Int: [UInt8]]] = [:]
    var uploadCount = 0
  }

  private final class Store: Sendable {
    let state = Mutex(State())
  }

  public static let bucket = "bucket"

  private let server: LoopbackServer
  private let store: Store

  public init(_ behaviour: Behaviour = Behaviour()) {
    let store = Store()
    self.store = store
    server = LoopbackServer { request in
      behaviour.intercept(request)
        ?? store.state.withLock { Self.respond(request, &$0, behaviour) }
    }
  }

  public var port: UInt16 { server.port }
  /// What came so far.
  public var requests: [HTTPMessage] { server.requests }
  public func forgetRequests() { server.forgetRequests() }

  /// All objects by their keys.
  public var objects: [String: [UInt8]] {
    get { store.state.withLock { $0.objects } }
    set { store.state.withLock { $0.objects = newValue } }
  }

  /// Uploads in parts that are neither completed nor aborted.
  public var uploadCount: Int { store.state.withLock { $0.uploads.count } }

  /// As S3 has it in the headers of an object.
  public func retention(of key: String) -> (mode: String, until: String)? {
    store.state.withLock { $0.retention[key] }
  }

  private static func respond(
    _ request: HTTPMessage, _ state: inout State, _ behaviour: Behaviour
  ) -> LoopbackServer.Answer {
    guard let question = S3Question(request, bucket: bucket) else {
      return S3Answer.failure(404, "NoSuchBucket")
    }
    let (key, query) = (question.key, question.query)
    if key.isEmpty {
      return S3Answer.list(
        query, state.objects.lazy.map { ($0.key, $0.value.count) }, pageSize: behaviour.pageSize)
    }
    if query["uploads"] != nil || query["uploadId"] != nil {
      return upload(request, key, query, &state)
    }
    switch request.method {
    case "PUT" where query["retention"] != nil: return retain(request, key, &state)
    case "PUT":
      if request.header("if-none-match") == "*", !behaviour.ignoresConditions,
        state.objects[key] != nil
      {
        return S3Answer.failure(412, "PreconditionFailed")
      }
      keep(request, key, request.body, &state)
      return LoopbackServer.Answer(200, headers: [("etag", "\"0\"")])
    case "GET", "HEAD": return read(request, key, state)
    case "DELETE":
      state.objects[key] = nil
      return LoopbackServer.Answer(204)
    default: return S3Answer.failure(405, "MethodNotAllowed")
    }
  }

  private static func keep(
    _ request: HTTPMessage, _ key: String, _ bytes: [UInt8], _ state: inout State
  ) {
    state.objects[key] = bytes
    if let mode = request.header("x-amz-object-lock-mode"),
      let until = request.header("x-amz-object-lock-retain-until-date")
    {
      state.retention[key] = (mode, until)
    }
  }

  private static func read(
    _ request: HTTPMessage, _ key: String, _ state: State
  ) -> LoopbackServer.Answer {
    var headers: [(name: String, value: String)] = []
    if let lock = state.retention[key] {
      headers.append(("x-amz-object-lock-mode", lock.mode))
      headers.append(("x-amz-object-lock-retain-until-date", lock.until))
    }
    return S3Answer.object(
      state.objects[key], time: Timestamp(seconds: 784_111_777), to: request, headers: headers)
  }

  private static func upload(
    _ request: HTTPMessage, _ key: String, _ query: [String: String], _ state: inout State
  ) -> LoopbackServer.Answer {
    guard let id = query["uploadId"] else {
      state.uploadCount += 1
      let id = "\(state.uploadCount)"
      state.uploads[id] = [:]
      if let mode = request.header("x-amz-object-lock-mode"),
        let until = request.header("x-amz-object-lock-retain-until-date")
      {
        state.retention[key] = (mode, until)
      }
      return LoopbackServer.Answer(200, "<R><UploadId>\(id)</UploadId></R>")
    }
    guard let parts = state.uploads[id] else { return S3Answer.failure(404, "NoSuchUpload") }
    switch request.method {
    case "PUT":
      state.uploads[id, default: [:]][Int(query["partNumber"] ?? "") ?? 0] = request.body
      return LoopbackServer.Answer(200, headers: [("etag", "\"part\"")])
    case "DELETE":
      state.uploads[id] = nil
      return LoopbackServer.Answer(204)
    default:
      state.uploads[id] = nil
      state.objects[key] = parts.sorted { $0.key < $1.key }
        .reduce(into: []) { $0 += $1.value }
      return LoopbackServer.Answer(200, "<CompleteMultipartUploadResult/>")
    }
  }

  private static func retain(
    _ request: HTTPMessage, _ key: String, _ state: inout State
  ) -> LoopbackServer.Answer {
    let body = String(decoding: request.body, as: UTF8.self)
    func text(_ name: String) -> String {
      guard let start = body.firstRange(of: "<\(name)>")?.upperBound,
        let end = body.firstRange(of: "</\(name)>")?.lowerBound, start <= end
      else { return "" }
      return String(body[start..<end])
    }
    guard state.objects[key] != nil else { return S3Answer.failure(404, "NoSuchKey") }
    state.retention[key] = (text("Mode"), text("RetainUntilDate"))
    return LoopbackServer.Answer(200)
  }
}
