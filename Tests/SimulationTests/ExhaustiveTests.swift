import Glibc
import Synchronization
import Testing
import VarveTestSupport

/// Two writers, a pruner and a death, in every order that makes a difference. The full search is for `make soak`;
/// `VARVE_SIMULATION_RUNS=n` ends it after so many runs; with `VARVE_SIMULATION_PROGRESS=file`, the next time the same build
/// goes on from there.
@Suite struct ExhaustiveTests {
  private static let firstWriter = ClientPlan(
    key: .writer(0), acts: [.backup(host: 0, version: 0)])
  private static let secondWriter = ClientPlan(
    key: .writer(1), acts: [.backup(host: 1, version: 3)])
  /// One of its two files is in no snapshot yet, so that it stores packs before anything is condemned.
  private static let newWriter = ClientPlan(
    key: .writer(0), acts: [.backup(host: 0, version: 2)])
  private static let pruner = ClientPlan(
    key: .owner, acts: [.prune(grace: 0, repackSmall: false)])

  @Test func twoWritersAPrunerAndADeath() throws {
    let isSoak = Environment.isSoak
    let search = ExhaustiveSearch(
      [Self.firstWriter, Self.secondWriter, Self.pruner], deaths: 1,
      interruptions: Environment.number("VARVE_SIMULATION_INTERRUPTIONS").map { Int($0) }
        ?? (isSoak ? nil : 1))
    let limit = Environment.number("VARVE_SIMULATION_RUNS").map { Int($0) } ?? (isSoak ? .max : 400)
    let kept = Environment.text("VARVE_SIMULATION_PROGRESS")
    if let kept { try search.resume(kept) }
    let campaign = try Self.run(search, in: World(), limit: limit)
    if let kept { try search.keep(kept) }
    say(
      "exhaustive: \(search.stateCount) states, \(search.openCount) choices open, \(campaign)")
    for failure in campaign.failures { Issue.record("\(failure)") }
    #expect(campaign.runs > 0 || kept != nil)
    if isSoak && limit == .max { #expect(search.openCount == 0) }
  }

  /// The calls that are said to commute do: clients leave the same behind, in as many ways, as where each call may
  /// come between any two of the others.
  @Test(
    arguments: [("two writers", [firstWriter, secondWriter])]
      + (Environment.isSoak
        ? [
          ("writer and pruner", [firstWriter, pruner]),
          ("other writer and pruner", [secondWriter, pruner]),
          ("writer of new files and pruner", [newWriter, pruner]),
        ] : []))
  func reductionLosesNothing(_ name: String, _ plans: [ClientPlan]) throws {
    let searches = [true, false].map { ExhaustiveSearch(plans, deaths: 1, reduces: $0) }
    // Where the program goes by names it is to go the same way in both.
    let world = try World()
    for search in searches {
      let campaign = try Self.run(search, in: world, limit: .max)
      say(
        "\(name), \(search.reduces ? "reduced" : "in full"): \(search.stateCount) states, "
          + "\(search.ends.withLock(\.count)) ends, \(campaign)")
      for failure in campaign.failures { Issue.record("\(failure)") }
    }
    let ends = searches.map { search in search.ends.withLock { $0 } }
    #expect(!ends[0].isEmpty)
    #expect(ends[0] == ends[1])
  }

  private static func run(_ search: ExhaustiveSearch, in world: World, limit: Int) throws
    -> Campaign
  {
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
