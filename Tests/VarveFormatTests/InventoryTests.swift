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

  @Test func onlyNamesAsTheyAreSpelledAreRead() throws {
    var generator = SeededGenerator(seed: 64)
    let digest = generator.digest()
    for name in [ObjectName.pack(digest), ObjectName.index(digest), ObjectName.snapshot(digest)] {
      for place in -1..<name.utf8.count {
        var text = Array(name.utf8)
        if place >= 0 { text[place] ^= [1, 2, 32].randomElement(using: &generator) ?? 1 }
        let changed = String(decoding: text, as: UTF8.self)
        // A digest has one spelling in each class.
        var expected: ObjectClass?
        if let digest = Digest(hex: changed.suffix(64)) {
          if changed == ObjectName.pack(digest) { expected = .pack(digest) }
          if changed == ObjectName.index(digest) { expected = .index(digest) }
          if changed == ObjectName.snapshot(digest) { expected = .snapshot(digest) }
        }
        #expect(ObjectClass(changed) == expected, "\(changed)")
        var found: ObjectClass?
        try? Inventory.forEachObject(in: Array("varve inventory v1\n\(changed) 12\n".utf8)) {
          _, kind, size in
          found = size == 12 ? kind : nil
        }
        #expect(found == expected, "\(changed)")
      }
    }
  }
}
