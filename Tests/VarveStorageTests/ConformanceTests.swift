import Testing
import VarveStorage
import VarveTestSupport

@Suite struct ConformanceTests {
  @Test(arguments: StorageConformance.cases)
  func memory(_ conformance: StorageConformance.Case) throws {
    try conformance.run(MemoryStorage())
  }

  @Test(arguments: StorageConformance.cases)
  func local(_ conformance: StorageConformance.Case) throws {
    let directory = TemporaryDirectory()
    let store = LocalStorage(path: directory("repository"))
    try store.create()
    try conformance.run(store)
  }

  @Test(arguments: StorageConformance.cases)
  func faultDecoratorThatPasses(_ conformance: StorageConformance.Case) throws {
    try conformance.run(FaultStorage(MemoryStorage()) { _, _ in .pass })
  }
}
