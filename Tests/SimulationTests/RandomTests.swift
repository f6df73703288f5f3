import Glibc
import Synchronization
import Testing
import VarveTestSupport

/// Random schedules of random clients. `VARVE_SIMULATION_SEED=n` runs one seed and prints its schedule;
/// `VARVE_SIMULATION_SEEDS=a-b` a range.
@Suite struct RandomTests {
  @Test func randomSchedules() throws {
    let world = try World()
    let (seeds, isVerbose) = Self.seeds()
    let next = Atomic<UInt64>(seeds.lowerBound)
    let sum = Mutex(Campaign())
    let directory = TemporaryDirectory("varve-simulation", in: RunDirectory.parent)
    let began = clock()
    runThreads(Environment.lanes) { _ in
      while sum.withLock({ $0.failures.count < Environment.failureLimit }) {
        let seed = next.add(1, ordering: .relaxed).oldValue
        guard seed <= seeds.upperBound else { break }
        let result = Campaign.run(
          seed: seed, in: world, directory: directory("\(seed)"), isVerbose: isVerbose)
        let runs = sum.withLock {
          $0.add(result)
          return $0.runs
        }
        if runs % 10_000 == 0 { say("simulation: \(runs) runs") }
      }
    }
    // After how many runs a mutation was noticed.
    if let first = sum.withLock({ $0.firstFailure }) {
      say("simulation: violation in run \(first)")
    }
    let seconds = Double(clock() - began) / Double(CLOCKS_PER_SEC)
    let campaign = sum.withLock { $0 }
    say("simulation: \(campaign), \(Int(seconds)) s of CPU")
    for failure in campaign.failures { Issue.record("\(failure)") }
    #expect(campaign.runs > 0)
    if campaign.runs >= 400 { #expect(campaign.partials > 0) }
  }

  private static func seeds() -> (ClosedRange<UInt64>, isVerbose: Bool) {
    if let seed = Environment.number("VARVE_SIMULATION_SEED") { return (seed...seed, true) }
    if let text = Environment.text("VARVE_SIMULATION_SEEDS") {
      let ends = text.split(separator: "-").compactMap { UInt64($0) }
      if ends.count == 2, ends[0] <= ends[1] { return (ends[0]...ends[1], false) }
    }
    return (1...(Environment.isSoak ? 1_000_000 : 400), false)
  }
}
