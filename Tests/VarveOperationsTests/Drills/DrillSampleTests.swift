import Testing
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveTestSupport

@Suite struct DrillSampleTests {
  private func paths(_ count: Int) -> [[UInt8]] { (0..<count).map { Array("/srv/f\($0)".utf8) } }

  private func chosen(
    _ rule: Drill.Sample, _ challenge: Digest, _ paths: [[UInt8]], _ snapshot: Digest
  )
    -> Set<[UInt8]>?
  {
    var sample = DrillSample(rule, challenge: challenge)
    for path in paths { sample.offer(path, of: snapshot) }
    #expect(sample.total == Int64(paths.count))
    return sample.files().map { $0[snapshot] ?? [] }
  }

  /// The auditor's own computation, from the rule in the documentation.
  private func ranks(_ challenge: Digest, _ paths: [[UInt8]], _ snapshot: Digest) -> [(
    Digest, [UInt8]
  )] {
    let key = HMACSHA256(key: challenge)
    return paths.map { (key.authenticate(snapshot.bytes + $0), $0) }.sorted { $0.0 < $1.0 }
  }

  @Test(arguments: [1, 2, 17, 1000, 4000], [0, 1, 50, 3000])
  func anAuditorComputesTheSame(_ wanted: Int, _ count: Int) {
    var generator = SeededGenerator(seed: UInt64(wanted * 7 + count))
    let (challenge, snapshot) = (generator.digest(), generator.digest())
    let all = paths(count)
    let expected = Set(ranks(challenge, all, snapshot).prefix(wanted).map(\.1))
    #expect(chosen(.files(wanted), challenge, all, snapshot) == expected)
    // In any order.
    #expect(
      chosen(.files(wanted), challenge, all.shuffled(using: &generator), snapshot) == expected)
    #expect(chosen(.all, challenge, all, snapshot) == nil)
  }

  @Test(arguments: [0.001, 1, 12.5, 50, 100])
  func hundredthsAreAboutRight(_ percent: Double) throws {
    var generator = SeededGenerator(seed: 11)
    let (challenge, snapshot) = (generator.digest(), generator.digest())
    let all = paths(20_000)
    let files = try #require(chosen(.percent(percent), challenge, all, snapshot))
    let expected = percent / 100 * 20_000
    #expect(abs(Double(files.count) - expected) <= 5 * expected.squareRoot() + 1)
    #expect(!files.isEmpty)
    let limit = UInt64(min(percent / 100 * 0x1p64, 0x1.fffffffffffffp63))
    let expectedFiles = ranks(challenge, all, snapshot).filter { rank, _ in
      percent == 100 || rank.bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } < limit
    }
    if !expectedFiles.isEmpty { #expect(files == Set(expectedFiles.map(\.1))) }
  }

  @Test func anotherChallengeChoosesOthers() {
    var generator = SeededGenerator(seed: 2)
    let snapshot = generator.digest()
    let all = paths(1000)
    let samples = (0..<20).map { _ in chosen(.files(10), generator.digest(), all, snapshot) }
    #expect(Set(samples.compactMap(\.self)).count == 20)
    #expect(
      chosen(.files(10), .zero, all, snapshot) != chosen(.files(10), .zero, all, generator.digest())
    )
  }
}
