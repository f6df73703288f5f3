import VarveFormat
import VarveRepository
import VarveTestSupport

extension Simulation {
  /// Everything that is under way arrives, long after, and two prunes without grace leave no garbage.
  func rest() throws {
    oracle.wake()
    receiveAll()
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
