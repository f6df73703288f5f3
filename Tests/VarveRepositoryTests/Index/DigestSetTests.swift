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
      let wasMember = set.contains(digest)
      let isNew = set.insert(digest)
      #expect(wasMember == reference.contains(digest))
      #expect(isNew == reference.insert(digest).inserted)
    }
    let count = set.count
    #expect(count == reference.count)
    let found = reference.filter { set.contains($0) }.count
    #expect(found == reference.count)
    let stranger = set.contains(Digest(1, 1, 1, 1))
    #expect(!stranger)
  }
}
