import Glibc
import Synchronization
import Testing
import VarveTestSupport

/// Seeds of a campaign: those that the environment names, or a test's own.
struct RandomSeeds {
  private let seeds: ClosedRange<UInt64>
  private let isVerbose: Bool

  init(_ usual: ClosedRange<UInt64>) {
    if let seed = Environment.number("VARVE_SIMULATION_SEED") {
      (seeds, isVerbose) = (seed...seed, true)
      return
    }
    let ends = (Environment.text("VARVE_SIMULATION_SEEDS") ?? "").split(separator: "-")
      .compactMap { UInt64($0) }
    seeds = ends.count == 2 && ends[0] <= ends[1] ? ends[0]...ends[1] : usual
    isVerbose = false
  }

  /// Runs them, prints what came of it, and records each violation.
  func run(_ name: String, reach: Simulation.Reach) throws -> Campaign {
    let world = try World()
    let next = Atomic<UInt64>(seeds.lowerBound)
    let sum = Mutex(Campaign())
    let directory = TemporaryDirectory("varve-simulation", in: RunDirectory.parent)
    let began = clock()
    runThreads(Environment.lanes) { _ in
      while sum.withLock({ $0.failures.count < Environment.failureLimit }) {
        let seed = next.add(1, ordering: .relaxed).oldValue
        guard seed <= seeds.upperBound else { break }
        let result = Campaign.run(
          seed: seed, in: world, directory: directory("\(seed)"), isVerbose: isVerbose,
          reach: reach)
        let runs = sum.withLock {
          $0.add(result)
          return $0.runs
        }
        if runs % 10_000 == 0 { say("\(name): \(runs) runs") }
      }
    }
    // After how many runs a mutation was noticed.
    if let first = sum.withLock({ $0.firstFailure }) {
      say("\(name): violation in run \(first)")
    }
    let seconds = Double(clock() - began) / Double(CLOCKS_PER_SEC)
    let campaign = sum.withLock { $0 }
    say("\(name): \(campaign), \(Int(seconds)) s of CPU")
    for failure in campaign.failures { Issue.record("\(failure)") }
    #expect(campaign.runs > 0)
    return campaign
  }
}
