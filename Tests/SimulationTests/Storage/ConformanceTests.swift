import Testing
import VarveTestSupport

@Suite struct SimulatedStorageTests {
  @Test(arguments: StorageConformance.cases)
  func conforms(_ conformance: StorageConformance.Case) throws {
    try conformance.run(SimulatedStorage(OpenGate(SimulatedStore()), client: 0))
  }
}
