import Testing

/// Random schedules of random clients. `VARVE_SIMULATION_SEED=n` runs one seed and prints its schedule;
/// `VARVE_SIMULATION_SEEDS=a-b` a range.
@Suite struct RandomTests {
  @Test func randomSchedules() throws {
    let seeds = RandomSeeds(1...(Environment.isSoak ? 1_000_000 : 400))
    let campaign = try seeds.run("simulation", reach: .calls(reportsEarly: false))
    if campaign.runs >= 400 { #expect(campaign.partials > 0) }
  }
}
