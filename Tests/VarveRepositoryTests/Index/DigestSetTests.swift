import Testing
import VarveCrypto
import VarveFormat
import VarveRepository

@Suite struct DigestSetTests {
  @Test func membersAreThoseInserted() {
    var set = DigestSet()
    var reference: Set<Digest> = []
    var random = SplitMix(state: 11)
    for _ in 0..<20_000 {
      // Few distinct leading words, so that probes collide.
      let digest = Digest(random.next() % 64 + 1, 0, random.next() % 64, 5)
      #expect(set.contains(digest) == reference.contains(digest))
      #expect(set.insert(digest) == reference.insert(digest).inserted)
    }
    #expect(set.count == reference.count)
    for digest in reference { #expect(set.contains(digest)) }
    #expect(!set.contains(Digest(1, 1, 1, 1)))
  }
}
