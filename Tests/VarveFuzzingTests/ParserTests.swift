import Testing
import VarveFormat
import VarveFuzzing
import VarveTestThreads

/// The short form of what Fuzzing/ does for hours: fixed seeds, a few thousand changed inputs for each parser.
@Suite(.serialized, .onOwnThreads) struct ParserTests {
  @Test(arguments: ParserTarget.all.map(\.name)) func changedInputIsRefusedOrCanonical(
    _ name: String
  ) throws {
    let target = try #require(ParserTarget.all.first { $0.name == name })
    let seeds = try target.seeds()
    #expect(!seeds.isEmpty)
    for seed in seeds { #expect(target.violation(seed) == nil, "a seed of \(name)") }
    #expect(seeds.contains { target.accepts($0) }, "no seed of \(name) is valid")
    var mutator = Mutator(seed: 17, corpus: seeds, tokens: target.tokens)
    for _ in 0..<2_000 {
      let bytes = mutator.next()
      if let violation = target.violation(bytes) {
        Issue.record("\(violation): \(Hex.encode(bytes))")
        break
      }
    }
  }

  @Test func whatOnceBrokeSomethingNeverDoesAgain() throws {
    var count = 0
    for target in ParserTarget.all {
      for (name, bytes) in Regressions.inputs(of: target.name) {
        #expect(target.violation(bytes) == nil, "\(target.name)/\(name)")
        count += 1
      }
    }
    #expect(count >= 4, "the regressions are not where they should be")
  }

  @Test func violationsAreNoticed() {
    func target(_ recode: @escaping @Sendable ([UInt8]) throws -> [UInt8]?) -> ParserTarget {
      ParserTarget("test", seeds: { [] }, recode: recode)
    }
    #expect(target { $0 }.violation([1]) == nil)
    #expect(target { _ in nil }.violation([1]) == nil)
    #expect(target { _ in [2] }.violation([1]) != nil)
    #expect(target { _ in throw VarveError(.damaged, "") }.violation([1]) == nil)
    #expect(target { _ in throw VarveError(.io, "") }.violation([1]) != nil)
    #expect(target { _ in throw CancellationError() }.violation([1]) != nil)
  }

  @Test func namesAreUnique() {
    #expect(Set(ParserTarget.all.map(\.name)).count == ParserTarget.all.count)
  }
}
