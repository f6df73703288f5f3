import Testing
import VarveTestSupport

/// The same clients, each with the program's own way to S3 over HTTP, which fails as networks and services do. Whoever is alive
/// succeeds all the same. Seeds from the environment as in `RandomTests`.
@Suite(.serialized) struct S3SimulationTests {
  @Test func randomSchedules() throws {
    let seeds = RandomSeeds(1...(Environment.isSoak ? 20_000 : 80))
    let campaign = try seeds.run("simulation over S3", reach: .s3(S3Reach()))
    #expect(campaign.runs < 80 || campaign.faults > 80)
  }

  /// Uploads beside each other, and the cache of metadata. What comes first is not the seed's choice alone.
  @Test func severalRequestsAtOnce() throws {
    let seeds = RandomSeeds(1...(Environment.isSoak ? 20_000 : 20))
    _ = try seeds.run("simulation over S3, 4 at once", reach: .s3(S3Reach(connections: 4)))
  }

  @Test(arguments: S3Reach.Mutation.allCases)
  func whatIsNotKeptIsNoticed(_ mutation: S3Reach.Mutation) throws {
    let world = try World()
    let directory = TemporaryDirectory("varve-simulation", in: RunDirectory.parent)
    let first = (1...2000).first { seed in
      Campaign.run(
        seed: UInt64(seed), in: world, directory: directory("\(seed)"),
        reach: .s3(S3Reach(mutation: mutation))
      ).failure != nil
    }
    say("simulation over S3, \(mutation): first noticed with seed \(first ?? 0)")
    #expect(first != nil)
  }
}
