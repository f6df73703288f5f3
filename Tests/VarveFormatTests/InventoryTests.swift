import Testing
import VarveFormat
import VarveTestSupport

@Suite struct InventoryTests {
  @Test func inventoriesMatchTheVectors() throws {
    for record in try VectorFile.records("inventories.txt") {
      let bytes = try record.bytes("bytes")
      try expectResult(record) {
        let inventory = try Inventory(decoding: bytes)
        #expect(inventory.objects.count == (try record.integer("count")))
        #expect(inventory.encode() == bytes)
      }
    }
  }

  @Test func manyObjectsComeBackSorted() throws {
    var generator = SeededGenerator(seed: 61)
    let objects = (0..<2_000).map { number in
      let digest = generator.digest()
      return ObjectReference(
        name: number % 2 == 0 ? ObjectName.pack(digest) : ObjectName.index(digest),
        size: UInt64.random(in: 1...1 << 40, using: &generator))
    }
    let inventory = Inventory(objects)
    #expect(Set(inventory.objects) == Set(objects))
    #expect(zip(inventory.objects, inventory.objects.dropFirst()).allSatisfy { $0 < $1 })
    #expect(try Inventory(decoding: inventory.encode()) == inventory)
    #expect(Inventory(objects.shuffled(using: &generator)).encode() == inventory.encode())
  }

  @Test func mutatedInventoriesNeverTrap() throws {
    var generator = SeededGenerator(seed: 62)
    let bytes = Inventory(
      (0..<5).map { _ in ObjectReference(name: ObjectName.pack(generator.digest()), size: 77) }
    ).encode()
    Mutation(seed: 63, rounds: 2_000).expectSafe(bytes) {
      try Inventory(decoding: Array($0)).encode()
    }
  }
}
