import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage

/// What may be condemned, swept, undone and lost, and what becomes live.
@Suite struct LogDeletionRuleTests {
  private static func id(_ number: UInt64) -> Digest { Digest(number, 0, 0, 0) }
  private static func pack(_ number: UInt64) -> ObjectReference {
    ObjectReference(name: ObjectName.pack(Digest(number, 1, 0, 0)), size: number)
  }
  private static func record(_ number: UInt64) -> ObjectReference {
    ObjectReference(name: ObjectName.snapshot(id(number)), size: 1)
  }

  private static func condemn(_ objects: ObjectReference...) -> LogStatement.Body {
    .condemn(.init(objects: .listed(objects)))
  }

  private static func forget(_ numbers: UInt64...) -> LogStatement.Body {
    .forget(.init(snapshots: numbers.map(id), reason: "test"))
  }

  private static func undo(_ numbers: [UInt64], _ entries: [UInt64] = []) -> LogStatement.Body {
    .undo(.init(snapshots: numbers.map(id), condemned: entries))
  }

  private static func sweep(_ entries: UInt64...) -> LogStatement.Body {
    .sweep(.init(condemned: entries))
  }

  private static func code(_ repository: UnlockedRepository, _ bodies: LogStatement.Body...)
    -> VarveError.Code?
  {
    do {
      try repository.log.append { _ in bodies }
      return nil
    } catch {
      return (error as? VarveError)?.code
    }
  }

  /// The numbers of live packs.
  private static func live(_ repository: UnlockedRepository) throws -> [UInt64] {
    let objects = try LiveObjects(repository.log.state, storage: repository.storage)
    for (pack, size) in objects.packs {
      #expect(objects.contains(pack: pack, size: size))
      #expect(objects.condemnedPacks[pack] == nil)
    }
    return objects.packs.values.sorted()
  }

  @Test func onlyAnOwnerDeletes() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    #expect(
      Self.code(owner, LogBench.snapshot(1), Self.forget(1), Self.condemn(Self.pack(1))) == nil)
    let entry = owner.log.head.size - 1
    for role in [Role.writer, .reader] {
      let key = LogBench.KeyFile(try owner.addKeyFile(role: role))
      let other = try bench.unlock("as \(role.rawValue)", key: key)
      for body: LogStatement.Body in [
        .repack(.init(additions: .listed([Self.pack(9)]), reason: .prune)),
        Self.condemn(Self.pack(2)), Self.sweep(entry), Self.undo([1]), Self.undo([], [entry]),
        .lost(.init(objects: .listed([Self.pack(1)]))),
      ] {
        #expect(Self.code(other, body) == .forbidden, "\(role) \(body.kind)")
      }
    }
  }

  @Test func condemnedSweptAndRescinded() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    #expect(
      Self.code(owner, LogBench.snapshot(1), LogBench.snapshot(2), LogBench.snapshot(3)) == nil)
    #expect(Self.code(owner, Self.forget(1, 2)) == nil)
    #expect(owner.log.state.newestCondemnation == nil)
    #expect(Self.code(owner, Self.condemn(Self.pack(1), Self.record(1), Self.pack(77))) == nil)
    let first = owner.log.head.size - 1
    #expect(owner.log.state.newestCondemnation == first)
    #expect(Self.code(owner, Self.condemn(Self.pack(2))) == nil)
    let second = first + 1
    #expect(try Self.live(owner) == [3])
    var objects = try LiveObjects(owner.log.state, storage: owner.storage)
    #expect(objects.condemnedPacks[Digest(1, 1, 0, 0)]?.entry == first)
    #expect(objects.condemnedPacks[Digest(2, 1, 0, 0)]?.entry == second)
    #expect(objects.condemnedPacks.values.map(\.size).sorted() == [1, 2])
    #expect(objects.condemnedPacks.count == 2, "an orphan was never live")
    #expect(owner.log.state.openCondemnations.map(\.entry) == [first, second])

    for body in [
      Self.sweep(0), Self.sweep(second + 1), Self.sweep(first, 1), Self.undo([], [2]),
      Self.undo([], [second + 1]),
    ] {
      #expect(Self.code(owner, body) == .refused, "\(body)")
    }
    #expect(Self.code(owner, Self.sweep(first)) == nil)
    #expect(Self.code(owner, Self.sweep(first)) == .refused, "swept")
    #expect(Self.code(owner, Self.undo([], [first])) == .refused, "swept")
    objects = try LiveObjects(owner.log.state, storage: owner.storage)
    #expect(objects.condemnedPacks.count == 1)
    #expect(owner.log.state.condemnations[first]?.status == .swept(by: second + 1))

    #expect(Self.code(owner, Self.undo([2], [second])) == nil)
    #expect(owner.log.state.condemnations[second]?.status == .rescinded(by: second + 2))
    #expect(try Self.live(owner) == [2, 3])
    #expect(Self.code(owner, Self.sweep(second)) == .refused, "rescinded")
    #expect(Self.code(owner, Self.undo([], [second])) == .refused, "rescinded")
    #expect(owner.log.state.newestCondemnation == second)
    #expect(owner.log.state.snapshotsInOrder.map(\.id) == [Self.id(2), Self.id(3)])
    #expect(try owner.log.verifyAll().failures.isEmpty)
    // A client that reads it all from the start sees the same.
    let log = try bench.audit("auditor")
    #expect(log.state.condemnations == owner.log.state.condemnations)
    #expect(try LiveObjects(log.state, storage: bench.storage).packs.values.sorted() == [2, 3])
  }

  @Test func undoRestoresWhatWasForgotten() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    #expect(
      Self.code(owner, LogBench.snapshot(1), LogBench.snapshot(2), LogBench.snapshot(3)) == nil)
    let before = owner.log.state.snapshotsInOrder
    #expect(Self.code(owner, Self.undo([2])) == .refused, "live")
    #expect(Self.code(owner, Self.undo([9])) == .refused, "never there")
    #expect(Self.code(owner, Self.forget(1, 2)) == nil)
    #expect(Self.code(owner, Self.undo([2, 2])) == .refused, "twice")
    #expect(Self.code(owner, Self.undo([2])) == nil)
    #expect(Self.code(owner, Self.undo([2])) == .refused, "live again")
    #expect(Self.code(owner, Self.undo([1])) == nil)
    #expect(owner.log.state.snapshotsInOrder == before)
    #expect(owner.log.state.forgotten.isEmpty)
    #expect(Self.code(owner, Self.forget(2), Self.undo([2]), Self.forget(2)) == nil)
    #expect(owner.log.state.snapshotsInOrder.map(\.id) == [Self.id(1), Self.id(3)])
  }

  /// In any order, whether the rows of those forgotten are still in the table or not.
  @Test func undoKeepsTheOrderOfEntries() throws {
    let owner = try LogBench().unlock()
    var live: Set<UInt64> = []
    try owner.log.append { _ in (1...200).map { LogBench.snapshot($0) } }
    for number: UInt64 in 1...200 { live.insert(number) }
    for (start, step) in [(3, 1), (1, 2), (2, 3)] as [(UInt64, UInt64)] {
      let gone = Array(stride(from: start, through: 200, by: UInt64.Stride(step)))
        .filter(live.contains)
      try owner.log.append { _ in
        LogStatement.Forgetting.bodies(forgetting: gone.map(Self.id), reason: "")
      }
      live.subtract(gone)
      let back = gone.filter { $0 % 5 < 3 }.shuffled()
      try owner.log.append { _ in
        stride(from: 0, to: back.count, by: 100).map {
          Self.undo(Array(back[$0..<min($0 + 100, back.count)]))
        }
      }
      live.formUnion(back)
      #expect(owner.log.state.snapshotsInOrder.map(\.id) == live.sorted().map(Self.id))
      #expect(owner.log.state.snapshots.count == live.count)
      #expect(owner.log.state.forgotten.count == 200 - live.count)
      for number in live {
        #expect(owner.log.state.snapshots[Self.id(number)]?.id == Self.id(number))
      }
    }
  }

  /// A record is never both live and condemned by an entry that lists it.
  @Test func recordsAreLiveOrCondemned() throws {
    let owner = try LogBench().unlock()
    #expect(Self.code(owner, LogBench.snapshot(1), LogBench.snapshot(2)) == nil)
    #expect(Self.code(owner, Self.condemn(Self.record(1))) == .refused, "live")
    #expect(Self.code(owner, Self.forget(1), Self.condemn(Self.record(1), Self.record(5))) == nil)
    let entry = owner.log.head.size - 1
    #expect(Self.code(owner, LogBench.snapshot(5)) == .refused, "condemned as an orphan")
    #expect(Self.code(owner, Self.undo([1])) == .refused, "it stays condemned")
    #expect(Self.code(owner, Self.condemn(Self.record(1))) == nil, "again")
    #expect(Self.code(owner, Self.undo([1], [entry])) == .refused, "by the other entry")
    #expect(Self.code(owner, Self.undo([1], [entry, entry + 1])) == nil)
    #expect(Self.code(owner, LogBench.snapshot(5)) == nil)
    #expect(Self.code(owner, Self.forget(1), Self.condemn(Self.record(1))) == nil)
    let last = owner.log.head.size - 1
    #expect(Self.code(owner, Self.sweep(last)) == nil)
    #expect(Self.code(owner, Self.undo([1])) == .refused, "its record is swept")
  }

  @Test func whatIsLostIsNotLive() throws {
    let owner = try LogBench().unlock()
    #expect(Self.code(owner, LogBench.snapshot(1), LogBench.snapshot(2)) == nil)
    #expect(Self.code(owner, .lost(.init(objects: .listed([Self.pack(1), Self.pack(9)])))) == nil)
    #expect(owner.log.state.newestCondemnation == owner.log.head.size - 1)
    #expect(try Self.live(owner) == [2])
    var objects = try LiveObjects(owner.log.state, storage: owner.storage)
    #expect(objects.lost == [.pack(Digest(1, 1, 0, 0)): 1])
    // Found again, it can be added again.
    #expect(
      Self.code(owner, .repack(.init(additions: .listed([Self.pack(1)]), reason: .repair))) == nil)
    #expect(try Self.live(owner) == [1, 2])
    objects = try LiveObjects(owner.log.state, storage: owner.storage)
    #expect(objects.lost.isEmpty)
    #expect(owner.log.state.repacks.map(\.reason) == [.repair])
  }

  /// Lists that are too long for an entry say the same.
  @Test func inventoriesCountAsLists() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    func list(_ range: ClosedRange<UInt64>) throws -> ObjectList {
      let list = try ObjectList(storing: range.map(Self.pack), in: owner.storage)
      #expect((list.inventory == nil) == (range.count <= 32))
      #expect(try list.objects(in: owner.storage).count == range.count)
      return list
    }
    let all = try list(1...200)
    let added = LogStatement.Body.snapshot(.init(snapshot: Self.id(1), additions: all))
    let (low, middle, high) = (try list(1...50), try list(51...100), try list(101...150))
    #expect(
      Self.code(
        owner, added, .condemn(.init(objects: low)), .condemn(.init(objects: middle)),
        .condemn(.init(objects: high)), .lost(.init(objects: try list(190...200)))) == nil)
    let first = owner.log.head.size - 4
    #expect(Self.code(owner, Self.sweep(first), Self.undo([], [first + 1])) == nil)
    #expect(try Self.live(owner) == Array(51...100) + Array(151...189))
    let objects = try LiveObjects(owner.log.state, storage: owner.storage)
    #expect(objects.condemnedPacks.values.map(\.size).sorted() == Array(101...150))
    #expect(Set(objects.condemnedPacks.values.map(\.entry)) == [first + 2])
    #expect(objects.lost.count == 11)
    #expect(Set(owner.log.state.inventories).count == 4)

    // A rescinded entry's list counts for nothing, and is kept all the same.
    for inventory in owner.log.state.inventories where inventory != middle.inventory {
      let name = ObjectName.inventory(inventory)
      let bytes = try bench.storage.read(name)
      try bench.storage.remove(name)
      #expect(throws: VarveError(.missing, "")) {
        try LiveObjects(owner.log.state, storage: owner.storage)
      }
      try bench.storage.put(name, bytes)
    }
  }

  /// The state does not grow with what was swept.
  @Test func sweptObjectsLeaveTheState() throws {
    let owner = try LogBench().unlock()
    for round: UInt64 in 0..<40 {
      let numbers = (round * 10 + 1...round * 10 + 10)
      try owner.log.append { state in
        numbers.map { LogBench.snapshot($0) }
          + [
            .forget(.init(snapshots: numbers.map(Self.id), reason: "")),
            .condemn(.init(objects: .listed(numbers.map(Self.pack)))), Self.sweep(state.size + 11),
          ]
      }
      #expect(owner.log.state.listedObjects.count <= 140)
    }
    #expect(try Self.live(owner) == [])
  }
}
