// Clients on threads of their own, of which exactly one runs at a time.
//
//     client    call -> waits -> has its turn: the call takes effect, or a fault does -> runs on to the next call
//     schedule  at each call: who goes on, and what becomes of the call that this client waits with
//
// The thread that comes to a call chooses who is next, wakes that one up and waits; so a run takes one switch of threads for
// each time the schedule changes clients. A client that starts threads is one client: its main thread waits
// for them, and they wait for the turn in its place. Calls that were sent twice, or late, lie in the network until they
// arrive. Between two calls nothing else can happen in storage, so a reply that comes late is one whose client
// does not go on.
//
// Over S3 (SimulatedS3.swift) it is the server's threads that come to a call, while their clients wait for the answers. Clients
// with several requests under way are a crowd: there the thread of the run chooses, each time that nothing new has come
// for a moment, so that what waits together is not the seed's choice alone.
//
// The same seed makes the same choices. Not the same from run to run are the names of objects, which are digests of
// random bytes: where the program goes by names, as in deleting, it is open which of two objects comes first.

import Glibc
import Synchronization
import VarveFormat
import VarveRepository
import VarveStorage

/// One run.
final class Simulation: CallGate, @unchecked Sendable {
  let store: SimulatedStore
  let clients: [Client]
  let oracle: Oracle
  let world: World
  let past: World.Past
  private let schedule: any Schedule
  let directory: String
  private let reach: Reach
  private let allDone = Semaphore()
  /// Whoever had a turn in a crowd has done what came of it.
  private let isServed = Semaphore()
  /// Guards who waits; holds how many have come.
  private let arrivals = Mutex(0)
  private(set) var network: [StorageCall] = []
  private(set) var steps: [Step] = []
  private(set) var violation: Violation?
  /// Whether all clients came to their own ends.
  var isComplete: Bool { !isOver }
  private(set) var acknowledged: [Digest] = []
  private var isOver = false

  /// How clients reach the store.
  enum Reach {
    /// - Parameter reportsEarly: changes of packs and index segments are reported as done before they are:
    ///   the mutation without I1.
    case calls(reportsEarly: Bool)
    case s3(S3Reach)

    var isHTTP: Bool { if case .s3 = self { true } else { false } }

    /// Whether a client has several calls under way.
    var isCrowd: Bool {
      if case .s3(let reach) = self { reach.connections > 1 } else { false }
    }
  }

  /// - Parameter directory: for what clients keep; there must be nothing yet.
  init(
    _ plans: [ClientPlan], on past: World.Past, in world: World,
    directory: String, schedule: any Schedule, reach: Reach = .calls(reportsEarly: false)
  ) throws {
    store = SimulatedStore(past.objects)
    self.past = past
    clients = plans.map(Client.init)
    self.world = world
    self.schedule = schedule
    self.directory = directory
    self.reach = reach
    mkdir(directory, 0o700)
    oracle = try Oracle(store, in: world, state: directory + "/oracle")
    store.changed = { [unowned oracle] in oracle.observe($0, $1, $2) }
  }

  /// Runs all clients to their ends.
  ///
  /// - Throws: the first violation.
  func run() throws {
    let threads = clients.indices.map { number in
      let turn = clients[number].waiting[0].turn
      return SimulationThread { [self] in
        turn.wait()
        if reach.isCrowd { isServed.post() }
        work(number)
        arrivals.withLock {
          clients[number].isFinished = true
          $0 += 1
        }
        if !reach.isCrowd { handOver() }
      }
    }
    let ends: Bool
    if reach.isCrowd {
      ends = leadCrowd()
    } else {
      handOver()
      ends = allDone.wait(seconds: Self.timeLimit)
    }
    guard ends else {
      let waiting = clients.map {
        $0.isFinished ? "done" : $0.call.map { "\($0.verb) \($0.name)" } ?? "–"
      }
      throw Violation(
        description: "no end after \(Self.timeLimit) s; clients wait for \(waiting)")
    }
    for thread in threads { thread.join() }
    if let violation { throw violation }
  }

  // MARK: Turns

  /// Clients that can go on.
  var ready: [Int] {
    clients.indices.filter { !clients[$0].isFinished && !clients[$0].waiting.isEmpty }
  }

  /// Seconds, of a run that takes some hundredths of one.
  private static let timeLimit = 120

  /// Lets whoever is next go on.
  private func handOver() {
    if let next = next() { next.turn.post() } else { allDone.post() }
  }

  /// Chooses who goes on; nil when nobody waits.
  private func next() -> Waiting? {
    while true {
      if oracle.isAsleep && !schedule.isRepeating { oracle.wake() }
      if violation == nil, let found = oracle.violation {
        violation = found
        isOver = true
      }
      guard let first = ready.first else { return nil }
      for client in clients where client.waiting.count > 1 {
        client.waiting.swapAt(0, schedule.pick(client.waiting.count))
      }
      var turn = Turn.client(first, .die)
      if !isOver {
        if let next = schedule.next(self) {
          turn = next
        } else {
          isOver = true
        }
      }
      switch turn {
      case .network(let number):
        let call = network.remove(at: number)
        if !isOver { steps.append(Step(turn: turn, call: call)) }
        call.apply(to: store)
      case .client(let number, let verdict):
        let client = clients[number]
        if !isOver { steps.append(Step(turn: turn, call: client.call)) }
        let next = client.waiting.removeFirst()
        if verdict == .die { client.isDead = true }
        next.verdict = client.isDead ? .die : verdict
        return next
      }
    }
  }

  /// Where clients have several calls under way nobody can tell whether one more is about to come: whenever none has come
  /// for a moment, one of those that wait has its turn.
  ///
  /// - Returns: whether all clients came to their ends in time.
  private func leadCrowd() -> Bool {
    let end = monotonicSeconds() + Double(Self.timeLimit)
    var seen = -1
    while monotonicSeconds() < end {
      let (count, isReady, isDone) = arrivals.withLock {
        ($0, !ready.isEmpty, clients.allSatisfy(\.isFinished))
      }
      if isDone { return true }
      guard isReady, count == seen else {
        seen = count
        usleep(Self.momentMicroseconds)
        continue
      }
      guard let next = arrivals.withLock({ _ in Outcome(next()) }).value else { continue }
      next.turn.post()
      guard isServed.wait(seconds: Self.timeLimit) else { return false }
      seen = -1
    }
    return false
  }

  private static let momentMicroseconds: UInt32 = 250

  /// Waits for the client's turn; to be followed by `served` when what came of it is done.
  ///
  /// - Returns: what becomes of the call; nil of a client that is no more.
  func takeTurn(_ call: StorageCall, by number: Int) -> Verdict? {
    let client = clients[number]
    let waiting = Waiting(call)
    let isDead = arrivals.withLock { count in
      guard !client.isDead else { return true }
      client.waiting.append(waiting)
      count += 1
      return false
    }
    guard !isDead else { return nil }
    if !reach.isCrowd { handOver() }
    waiting.turn.wait()
    client.calls += 1
    store.origin = SimulatedObject.Origin(client: number, call: client.calls)
    return waiting.verdict
  }

  func served() { if reach.isCrowd { isServed.post() } }

  /// A call arrives at some later step.
  func send(_ call: StorageCall) { network.append(call) }

  /// What is under way arrives.
  func receiveAll() {
    for call in network { call.apply(to: store) }
    network = []
  }

  func isDead(_ number: Int) -> Bool { arrivals.withLock { _ in clients[number].isDead } }

  func perform<Result>(
    _ call: StorageCall, by number: Int, _ effect: (SimulatedStore) throws -> Result
  ) throws -> Result {
    func failed(_ what: String) -> VarveError {
      clients[number].metFault = true
      return VarveError(.io, "\(call.verb) \(call.name): \(what)")
    }
    guard let verdict = takeTurn(call, by: number) else { throw failed("the client has died") }
    if verdict == .pass { schedule.performed(call, by: number, on: store) }
    switch verdict {
    case .pass:
      if case .calls(reportsEarly: true) = reach, case .put(let name, _) = call,
        name.hasPrefix(ObjectName.packPrefix)
      {
        send(call)
        // A put has no result.
        return try effect(SimulatedStore())
      }
      return try effect(store)
    case .loseReply, .truncate, .twice:
      _ = try effect(store)
      throw failed("no answer")
    case .duplicate:
      send(call)
      return try effect(store)
    case .late:
      send(call)
      throw failed("no answer yet")
    case .refuse, .answer: throw failed("refused")
    case .die: throw failed("the client has died")
    }
  }

  func includes(_ name: String, cameMeanwhile: Bool) -> Bool {
    schedule.includes(name, cameMeanwhile: cameMeanwhile)
  }

  // MARK: Clients

  private func work(_ number: Int) {
    let client = clients[number]
    let home = "\(directory)/\(number)"
    if client.plan.keepsCache { mkdir(home + "-cache", 0o700) }
    if client.plan.knowsPast { try? World.remember(past, in: home) }
    do {
      try withStorage(number) { storage in
        let runner = ActRunner(
          world: world, plan: client.plan, storage: storage,
          directories: ClientDirectories(
            cache: client.plan.keepsCache ? home + "-cache" : nil, state: home),
          clock: ClockShift(date: client.plan.dateShift))
        for act in client.plan.acts where !isDead(number) {
          client.metFault = false
          do {
            try runner.run(act) { id in arrivals.withLock { _ in acknowledged.append(id) } }
            finish(act, nil, client)
          } catch {
            guard !isDead(number) else { break }
            finish(act, error as? VarveError ?? VarveError(.io, "\(error)"), client)
          }
        }
      }
    } catch {
      arrivals.withLock { _ in
        violation = violation ?? Violation(description: "no storage: \(error)")
        isOver = true
      }
    }
  }

  private func withStorage(
    _ number: Int, _ body: (any StorageBackend) throws -> Void
  ) throws {
    switch reach {
    case .calls: try body(SimulatedStorage(self, client: number))
    case .s3(let reach):
      let server = SimulatedS3(self, client: number, reach)
      try withExtendedLifetime(server) { try body(try server.storage()) }
    }
  }

  private func finish(_ act: Act, _ failure: VarveError?, _ client: Client) {
    let outcome = ActOutcome(act: act, failure: failure, metFault: client.metFault)
    arrivals.withLock { _ in
      client.outcomes.append(outcome)
      if violation == nil, let failure, !ExpectedFailures.allow(outcome) {
        violation = Violation(
          description: "\(act) ended with \(failure.code.rawValue): \(failure)")
        isOver = true
      }
    }
  }
}
