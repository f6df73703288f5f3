import Testing
import Varve
import VarveFormat
import VarveRepository
import VarveStorage

/// Plans that suppose snapshots to be forgotten that are not.
@Suite struct SupposedPruneTests {
  private func plan(
    _ bench: PruneBench, supposingForgotten snapshots: [Digest] = []
  ) throws -> PrunePlan {
    var options = PruneOptions()
    options.maxUnused = .bytes(0)
    return try Prune(bench.unlocked, options: options).plan(supposingForgotten: snapshots)
  }

  @Test func theyAreThoseOfWhenTheyAreForgotten() throws {
    let (bench, snapshots) = try PruneTests.history()
    #expect(try plan(bench).isEmpty)
    let before = try bench.names("")
    let size = bench.unlocked.log.state.size
    let gone = Array(snapshots[..<2])
    let supposed = try plan(bench, supposingForgotten: gone)
    #expect(Set(supposed.records.map(\.name)) == Set(gone.map { ObjectName.snapshot($0) }))
    #expect(supposed.unusedByteCount > 100_000 && supposed.repackByteCount > 0)
    #expect(bench.unlocked.log.state.size == size)
    #expect(bench.unlocked.log.state.snapshotsInOrder.map(\.id) == snapshots)
    #expect(try bench.names("") == before)

    try bench.forget(gone)
    let real = try plan(bench)
    #expect(real.records.sorted() == supposed.records.sorted())
    #expect(real.deadPacks == supposed.deadPacks)
    #expect(real.repackedPacks.sorted() == supposed.repackedPacks.sorted())
    #expect(real.replacedSegments == supposed.replacedSegments)
    #expect(real.unusedByteCount == supposed.unusedByteCount)
    #expect(real.repackByteCount == supposed.repackByteCount)
    // Those that are forgotten already, or unknown, make no difference.
    let again = try plan(bench, supposingForgotten: gone + [.zero])
    #expect(again.records.sorted() == real.records.sorted() && again.packs == real.packs)
  }
}
