import Glibc
import Synchronization
import Testing
import VarveTestSupport

/// Two writers, a pruner and a death, in every order that makes a difference. The full search is for `make soak`;
/// `VARVE_SIMULATION_RUNS=n` ends it after so many runs; with `VARVE_SIMULATION_PROGRESS=file`, the next time the same build
/// goes on from there.
@Suite struct ExhaustiveTests {
  @Test func twoWritersAPrunerAndADeath() throws {
    let isSoak = Environment.isSoak
    let search = ExhaustiveSearch(
      [
        ClientPlan(key: .writer(0), acts: [.backup(host: 0, version: 0)]),
        ClientPlan(key: .writer(1), acts: [.backup(host: 1, version: 3)]),
        ClientPlan(key: .owner, acts: [.prune(grace: 0, repackSmall: false)]),
      ], deaths: 1,
      interruptions: Environment.number("VARVE_SIMULATION_INTERRUPTIONS").map { Int($0) }
        ?? (isSoak ? nil : 1))
    let limit = Environment.number("VARVE_SIMULATION_RUNS").map { Int($0) } ?? (isSoak ? .max : 400)
    let kept = Environment.text("VARVE_SIMULATION_PROGRESS")
    if let kept { try search.resume(kept) }
    let campaign = try Self.run(search, limit: limit)
    if let kept { try search.keep(kept) }
    say(
      "exhaustive: \(search.stateCount) states, \(search.openCount) choices open, \(campaign)")
    for failure in campaign.failures { Issue.record("\(failure)") }
    #expect(campaign.runs > 0 || kept != nil)
    if isSoak && limit == .max { #expect(search.openCount == 0) }
  }

  private static func run(_ search: ExhaustiveSearch, limit: Int) throws -> Campaign {
    let world = try World()
    let directory = TemporaryDirectory("varve-simulation", in: RunDirectory.parent)
    let sum = Mutex(Campaign())
    let began = Atomic<Int>(0)
    runThreads(Environment.lanes) { _ in
      while sum.withLock({ $0.failures.isEmpty }),
        began.load(ordering: .relaxed) < limit, let prefix = search.take()
      {
        let number = began.add(1, ordering: .relaxed).oldValue
        let result = Campaign.run(
          "choices \(prefix)", search.plans, on: world.pasts[0], in: world,
          directory: directory("\(number)"), schedule: ExhaustiveSchedule(search, prefix: prefix))
        search.finish()
        sum.withLock { $0.add(result) }
        if number % 10_000 == 9_999 {
          say(
            "exhaustive: \(number + 1) runs, \(search.stateCount) states, \(search.openCount) choices open"
          )
        }
      }
    }
    return sum.withLock { $0 }
  }
}
