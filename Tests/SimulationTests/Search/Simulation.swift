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
// The same seed makes the same choices. Not the same from run to run are the names of objects, which are digests of
// random bytes: where the program goes by names, as in deleting, it is open which of two objects comes first.

import Glibc
import VarveFormat
import VarveRepository
import VarveTestSupport

/// What becomes of a call.
enum Verdict: Equatable {
  case pass
  /// No effect, and an error.
  case refuse
  /// The effect, and an error.
  case loseReply
  /// The effect, and again later.
  case duplicate
  /// An error, and the effect later.
  case late
  /// The client is no more; no effect.
  case die
}

/// Who goes on at a step.
enum Turn: Equatable {
  case client(Int, Verdict)
  /// The call with this number in the network arrives.
  case network(Int)
}

/// Chooses at each step. Asked by whichever thread came to a call; never by two at once.
protocol Schedule: AnyObject {
  /// Whether the run is on a way that was judged before.
  var isRepeating: Bool { get }
  /// - Returns: nil to end the run: all clients die.
  func next(_ simulation: Simulation) -> Turn?
  /// Whether an object that came, or went, while a list was made is in it.
  func includes(_ name: String, cameMeanwhile: Bool) -> Bool
  /// A call had its turn, and this is what it met: the object of that name, or all below it.
  func performed(_ call: StorageCall, by client: Int, on store: SimulatedStore)
}

extension Schedule {
  var isRepeating: Bool { false }
  func performed(_ call: StorageCall, by client: Int, on store: SimulatedStore) {}
}

/// One run.
final class Simulation: CallGate, @unchecked Sendable {
  final class Client {
    let plan: ClientPlan
    var call: StorageCall?
    var calls = 0
    var verdict = Verdict.pass
    var isDead = false
    var isFinished = false
    var metFault = false
    var outcomes: [ActOutcome] = []
    let turn: UnsafeMutablePointer<sem_t>

    init(_ plan: ClientPlan) {
      self.plan = plan
      turn = .allocate(capacity: 1)
      sem_init(turn, 0, 0)
    }

    deinit {
      sem_destroy(turn)
      turn.deallocate()
    }
  }

  struct Step: CustomStringConvertible {
    var turn: Turn
    var call: StorageCall?

    var description: String {
      let what = call.map { "\($0.verb) \($0.name.prefix(24))" } ?? "starts"
      switch turn {
      case .client(let number, .pass): return "\(number): \(what)"
      case .client(let number, let verdict): return "\(number): \(what)  [\(verdict)]"
      case .network(let number): return "network \(number): \(what)"
      }
    }
  }

  let store: SimulatedStore
  let clients: [Client]
  let oracle: Oracle
  private let world: World
  private let past: World.Past
  private let schedule: any Schedule
  private let directory: String
  private let allDone: UnsafeMutablePointer<sem_t>
  private(set) var network: [StorageCall] = []
  private(set) var steps: [Step] = []
  /// Changes of packs and index segments are reported as done before they are: the mutation without I1.
  let reportsEarly: Bool
  private(set) var violation: Violation?
  /// Whether all clients came to their own ends.
  var isComplete: Bool { !isOver }
  private var acknowledged: [Digest] = []
  private var isOver = false

  /// - Parameter directory: for what clients keep; there must be nothing yet.
  init(
    _ plans: [ClientPlan], on past: World.Past, in world: World,
    directory: String, schedule: any Schedule, reportsEarly: Bool = false
  ) throws {
    store = SimulatedStore(past.objects)
    self.past = past
    clients = plans.map(Client.init)
    self.world = world
    self.schedule = schedule
    self.directory = directory
    self.reportsEarly = reportsEarly
    allDone = .allocate(capacity: 1)
    sem_init(allDone, 0, 0)
    mkdir(directory, 0o700)
    try World.remember(past, in: directory + "/oracle")
    oracle = try Oracle(store, in: world, state: directory + "/oracle")
    store.changed = { [unowned oracle] in oracle.observe($0, $1, $2) }
  }

  deinit {
    sem_destroy(allDone)
    allDone.deallocate()
  }

  /// Runs all clients to their ends.
  ///
  /// - Throws: the first violation.
  func run() throws {
    let threads = clients.indices.map { number in
      SimulationThread { [self] in
        sem_wait(clients[number].turn)
        work(number)
        clients[number].isFinished = true
        handOver()
      }
    }
    handOver()
    sem_wait(allDone)
    for thread in threads { thread.join() }
    if let violation { throw violation }
  }

  // MARK: Turns

  /// Lets whoever is next go on.
  private func handOver() {
    while true {
      if oracle.isAsleep && !schedule.isRepeating { oracle.wake() }
      if violation == nil, let found = oracle.violation {
        violation = found
        isOver = true
      }
      let waiting = clients.indices.filter { !clients[$0].isFinished }
      guard let first = waiting.first else {
        sem_post(allDone)
        return
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
        if !isOver { steps.append(Step(turn: turn, call: clients[number].call)) }
        clients[number].verdict = verdict
        if verdict == .die { clients[number].isDead = true }
        sem_post(clients[number].turn)
        return
      }
    }
  }

  func perform<Result>(
    _ call: StorageCall, by number: Int, _ effect: (SimulatedStore) throws -> Result
  ) throws -> Result {
    let client = clients[number]
    func failed(_ what: String) -> VarveError {
      client.metFault = true
      return VarveError(.io, "\(call.verb) \(call.name): \(what)")
    }
    guard !client.isDead else { throw failed("the client has died") }
    client.call = call
    handOver()
    sem_wait(client.turn)
    client.call = nil
    client.calls += 1
    store.origin = SimulatedObject.Origin(client: number, call: client.calls)
    if client.verdict == .pass { schedule.performed(call, by: number, on: store) }
    switch client.verdict {
    case .pass:
      if reportsEarly, case .put(let name, _) = call, name.hasPrefix(ObjectName.packPrefix) {
        network.append(call)
        // A put has no result.
        return try effect(SimulatedStore())
      }
      return try effect(store)
    case .refuse: throw failed("refused")
    case .loseReply:
      _ = try effect(store)
      throw failed("no answer")
    case .duplicate:
      network.append(call)
      return try effect(store)
    case .late:
      network.append(call)
      throw failed("no answer yet")
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
    let runner = ActRunner(
      world: world, plan: client.plan, storage: SimulatedStorage(self, client: number),
      directories: ClientDirectories(
        cache: client.plan.keepsCache ? home + "-cache" : nil, state: home),
      clock: ClockShift(date: client.plan.dateShift))
    if client.plan.keepsCache { mkdir(home + "-cache", 0o700) }
    if client.plan.knowsPast { try? World.remember(past, in: home) }
    for act in client.plan.acts where !client.isDead {
      client.metFault = false
      do {
        try runner.run(act) { acknowledged.append($0) }
        finish(act, nil, client)
      } catch {
        guard !client.isDead else { break }
        finish(act, error as? VarveError ?? VarveError(.io, "\(error)"), client)
      }
    }
  }

  private func finish(_ act: Act, _ failure: VarveError?, _ client: Client) {
    let outcome = ActOutcome(act: act, failure: failure, metFault: client.metFault)
    client.outcomes.append(outcome)
    if violation == nil, let failure, !ExpectedFailures.allow(outcome) {
      violation = Violation(
        description: "\(act) ended with \(failure.code.rawValue): \(failure)")
      isOver = true
    }
  }

  // MARK: At rest

  /// Everything that is under way arrives, long after, and two prunes without grace leave no garbage.
  func rest() throws {
    oracle.wake()
    for call in network { call.apply(to: store) }
    network = []
    store.time.seconds += 100_000_000
    for snapshot in acknowledged
    where oracle.state.snapshots[snapshot] == nil && oracle.state.forgotten[snapshot] == nil {
      throw Violation(description: "the snapshot \(snapshot) was acknowledged and is unknown")
    }
    let plan = ClientPlan(key: .owner, acts: [])
    try World.remember(past, in: directory + "/last")
    let runner = ActRunner(
      world: world, plan: plan,
      storage: SimulatedStorage(OpenGate(store), client: clients.count),
      directories: ClientDirectories(cache: nil, state: directory + "/last"),
      clock: ClockShift(date: 0))
    for _ in 0..<2 {
      try runner.run(.prune(grace: 0, repackSmall: false)) { _ in }
      store.time.seconds += 1000
    }
    if let violation = oracle.violation { throw violation }
    try oracle.judge()
    try oracle.requireNoGarbage()
  }
}

/// Failures that clients may meet when others are at work.
enum ExpectedFailures {
  static func allow(_ outcome: ActOutcome) -> Bool {
    guard let failure = outcome.failure else { return true }
    if outcome.metFault && failure.code == .io { return true }
    switch (outcome.act, failure.code) {
    case (.undo, .missing), (.undo, .notFound), (.tag, .notFound): return true
    // Who reads with what it knew before a prune without grace.
    case (.restore, .missing), (.tag, .missing), (.forget, .missing), (.forgetOld, .missing):
      return true
    default: return false
    }
  }
}

/// A thread that runs one closure.
private final class SimulationThread {
  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  private var thread = pthread_t()

  init(_ run: @escaping @Sendable () -> Void) {
    let body = Unmanaged.passRetained(Body(run)).toOpaque()
    let status = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, body)
    precondition(status == 0, "no thread for a simulated client")
  }

  func join() { pthread_join(thread, nil) }
}
