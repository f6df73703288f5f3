import Testing
import VarveFormat
import VarveStorage

@Suite struct FaultStorageTests {
  private func program(_ store: any StorageBackend) throws {
    try store.put("packs/00/a", [1])
    _ = try store.size("packs/00/a")
    try store.put("index/a", [2])
    _ = try store.createExclusively("log/commits/0", [3])
    try store.remove("packs/00/a")
  }

  private func names(_ store: any StorageBackend) throws -> [String] {
    var names: [String] = []
    try store.list("") { name, _ in names.append(name) }
    return names.sorted()
  }

  @Test func stopsBeforeOrAfterTheChange() throws {
    let before = [
      [], ["packs/00/a"], ["index/a", "packs/00/a"],
      ["index/a", "log/commits/0", "packs/00/a"],
    ]
    for (ordinal, expected) in before.enumerated() {
      let base = MemoryStorage()
      let store = FaultStorage(base, stoppingAtChange: ordinal, afterEffect: false)
      #expect(throws: VarveError(.io, "")) { try program(store) }
      #expect(try names(base) == expected)
      #expect(throws: VarveError(.io, "")) { try store.size("config") }
    }
    let after = [
      ["packs/00/a"], ["index/a", "packs/00/a"],
      ["index/a", "log/commits/0", "packs/00/a"], ["index/a", "log/commits/0"],
    ]
    for (ordinal, expected) in after.enumerated() {
      let base = MemoryStorage()
      let store = FaultStorage(base, stoppingAtChange: ordinal, afterEffect: true)
      #expect(throws: VarveError(.io, "")) { try program(store) }
      #expect(try names(base) == expected)
    }
    let store = FaultStorage(MemoryStorage(), stoppingAtChange: 4, afterEffect: false)
    try program(store)
  }

  @Test func recordsWhatWasAsked() throws {
    let store = FaultStorage(MemoryStorage()) { _, _ in .pass }
    try program(store)
    #expect(
      store.operations == [
        .put("packs/00/a"), .size("packs/00/a"), .put("index/a"),
        .createExclusively("log/commits/0"), .remove("packs/00/a"),
      ])
  }
}
