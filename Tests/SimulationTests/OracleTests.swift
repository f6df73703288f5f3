import Testing
import VarveFormat
import VarveTestSupport

/// The oracle notices what it is there for.
@Suite struct OracleTests {
  private func oracle(_ store: SimulatedStore, _ world: World) throws -> Oracle {
    let oracle = try Oracle(store, in: world, state: world.directory("oracle"))
    store.changed = { [unowned oracle] in oracle.observe($0, $1, $2) }
    oracle.wake()
    return oracle
  }

  /// Whatever the log needs may not go, or change.
  @Test(arguments: [true, false]) func everyObjectThatIsNeeded(removes: Bool) throws {
    let world = try World()
    for past in world.pasts {
      for (name, object) in past.objects where name != ObjectName.checkpoint {
        let store = SimulatedStore(past.objects)
        let oracle = try oracle(store, world)
        #expect(oracle.violation == nil)
        if removes { store.remove(name) } else { store.put(name, object.bytes + [0]) }
        // Records of what was forgotten may go.
        let isSpare = removes && name.hasPrefix(ObjectName.snapshotPrefix)
        #expect(oracle.violation != nil || isSpare, "\(name)")
      }
    }
  }

  /// The past has records of what was forgotten.
  @Test func garbage() throws {
    let world = try World()
    for past in world.pasts {
      let oracle = try oracle(SimulatedStore(past.objects), world)
      #expect(throws: Violation.self) { try oracle.requireNoGarbage() }
    }
  }

  /// I1 taken out: storage says that a pack is there before it is.
  @Test func packsThatAreReportedEarlyAreNoticed() throws {
    let world = try World()
    let directory = TemporaryDirectory("varve-simulation", in: RunDirectory.parent)
    let failed = (1...40).filter { seed in
      Campaign.run(
        seed: UInt64(seed), in: world, directory: directory("\(seed)"),
        reach: .calls(reportsEarly: true)
      ).failure != nil
    }
    say(
      "simulation without I1: first noticed with seed \(failed.first ?? 0), \(failed.count) of 40")
    #expect(failed.count > 10)
  }
}
