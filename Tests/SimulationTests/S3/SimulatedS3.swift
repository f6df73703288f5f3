// The simulated store as a bucket of S3: each client has a server of its own on a port of loopback, all of one store. A request is a
// call: the thread that has read it waits for the client's turn, and the schedule says what becomes of it. The client waits for
// the answer meanwhile, so that still exactly one goes on. A list is as many calls as it has pages.

import Synchronization
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveStorage
import VarveTestSupport

/// How clients reach the store over S3.
struct S3Reach {
  /// A rule that is not kept.
  enum Mutation: CaseIterable {
    /// `If-None-Match` is passed over.
    case ignoresConditions
    /// A creation that is tried again and finds something there is taken for done, whatever it is that is there.
    case readsNothingBack
  }

  /// Requests of a client at one time. With one the same seed gives the same run.
  var connections = 1
  var mutation: Mutation?
}

final class SimulatedS3: LoopbackHost {
  /// So that lists have several pages, between which objects come and go.
  private static let pageSize = 5

  private let simulation: Simulation
  private let client: Int
  private let reach: S3Reach
  private let listener: LoopbackListener

  init(_ simulation: Simulation, client: Int, _ reach: S3Reach) {
    self.simulation = simulation
    self.client = client
    self.reach = reach
    let service = Service(simulation, client: client, reach)
    listener = LoopbackListener { stream in
      while let request = stream.request() {
        guard service.serve(request, stream), !request.closesConnection else { return }
      }
    }
  }

  var port: UInt16 { listener.port }

  /// What the program has: retries, which hardly wait here, over S3.
  func storage() throws -> any StorageBackend {
    let policy = RetryPolicy(limit: 100, firstPause: 0.000_2, longestPause: 0.002) {
      [simulation, client] in
      guard !simulation.isDead(client) else { throw VarveError(.io, "the client has died") }
    }
    var options = S3Storage.Options()
    options.exchange.connections = reach.connections
    // Clients wait for their turns, on machines that are busy.
    options.exchange.connectSeconds = 600
    options.exchange.idleSeconds = 600
    options.retry = policy
    let credentials = FixedAWSCredentials(
      try AWSCredentials(
        accessKeyID: "client\(client)",
        secretAccessKey: SecretBytes(copying: Array("secret".utf8))))
    let store = try S3Storage(
      S3Location("s3:\(url)/\(MemoryS3.bucket)"), credentials: credentials, options: options)
    return RetryStorage(store, policy)
  }

  private final class Service: @unchecked Sendable {
    private let simulation: Simulation
    private let client: Int
    private let mutation: S3Reach.Mutation?
    /// Names whose creation had no clear answer.
    private let unclear = Mutex<Set<String>>([])

    init(_ simulation: Simulation, client: Int, _ reach: S3Reach) {
      self.simulation = simulation
      self.client = client
      mutation = reach.mutation
    }

    /// - Returns: whether the connection goes on.
    func serve(_ request: HTTPMessage, _ stream: HTTPStream) -> Bool {
      guard let question = S3Question(request, bucket: MemoryS3.bucket),
        let call = call(request, question)
      else {
        let answer = S3Answer.failure(501, "NotImplemented")
        return stream.write(answer.encode(answering: request.method))
      }
      guard let verdict = simulation.takeTurn(call, by: client) else { return false }
      func perform() -> LoopbackServer.Answer { self.perform(call, request, question) }
      var answer: LoopbackServer.Answer?
      switch verdict {
      case .pass, .truncate: answer = perform()
      case .twice:
        _ = perform()
        answer = perform()
      case .duplicate:
        answer = perform()
        simulation.send(call)
      case .loseReply: _ = perform()
      case .late: simulation.send(call)
      case .refuse, .die: break
      case .answer(let status, let effect):
        if effect == .now { _ = perform() }
        if effect == .later { simulation.send(call) }
        answer = S3Answer.failure(status, Self.code(status))
      }
      if case .create(let name, _) = call {
        unclear.withLock {
          if verdict == .pass || verdict == .duplicate { $0.remove(name) } else { $0.insert(name) }
        }
      }
      simulation.served()
      // From here on the client goes on.
      guard let answer else { return false }
      let bytes = answer.encode(answering: request.method)
      guard verdict == .truncate else { return stream.write(bytes) }
      stream.write(bytes.dropLast(max(1, answer.body.count / 2)))
      return false
    }

    private func call(_ request: HTTPMessage, _ question: S3Question) -> StorageCall? {
      let name = question.key
      switch request.method {
      case "GET" where name.isEmpty: return .list(question.query["prefix"] ?? "")
      case "GET": return request.header("range") == nil ? .read(name) : .readRange(name)
      case "HEAD": return .size(name)
      case "DELETE": return .remove(name)
      case "PUT":
        let isNew = request.header("if-none-match") == "*" && mutation != .ignoresConditions
        return isNew ? .create(name, request.body) : .put(name, request.body)
      default: return nil
      }
    }

    private func perform(
      _ call: StorageCall, _ request: HTTPMessage, _ question: S3Question
    ) -> LoopbackServer.Answer {
      let store = simulation.store
      switch call {
      case .list:
        return S3Answer.list(
          question.query, store.objects.lazy.map { ($0.key, $0.value.bytes.count) },
          pageSize: SimulatedS3.pageSize)
      case .put, .create, .remove:
        guard call.apply(to: store) || takesForDone(call.name) else {
          return S3Answer.failure(412, "PreconditionFailed")
        }
        return request.method == "DELETE"
          ? LoopbackServer.Answer(204)
          : LoopbackServer.Answer(200, headers: [("etag", "\"0\"")])
      default:
        let object = store.objects[call.name]
        return S3Answer.object(
          object?.bytes, time: object?.time ?? store.time, to: request)
      }
    }

    private func takesForDone(_ name: String) -> Bool {
      mutation == .readsNothingBack && unclear.withLock { $0.contains(name) }
    }

    private static func code(_ status: Int) -> String {
      switch status {
      case 409: "ConditionalRequestConflict"
      case 412: "PreconditionFailed"
      case 429: "TooManyRequests"
      case 503: "SlowDown"
      default: "InternalError"
      }
    }
  }
}
