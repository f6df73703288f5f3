import Synchronization
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

  @Test func whatIsRemovedIsGoneAndTheRestStays() {
    var random = SplitMix(state: 12)
    for (size, keptOf) in [(10, 2), (500, 100), (5_000, 3), (5_000, 1), (5_000, 5_000)] {
      var set = DigestSet()
      var kept: Set<Digest> = []
      var gone: [Digest] = []
      for number in 0..<size {
        let digest = Digest(random.next() % 4_096 + 1, 0, UInt64(number), 5)
        let isNew = set.insert(digest)
        #expect(isNew)
        if number % keptOf == 0 { kept.insert(digest) } else { gone.append(digest) }
      }
      set.removeAll { !kept.contains($0) }
      let left = set.count
      #expect(left == kept.count)
      let lost = kept.filter { !set.contains($0) }.count
      #expect(lost == 0)
      let back = gone.filter { !set.insert($0) }.count
      #expect(back == 0)
      let whole = set.count
      #expect(whole == size)
    }
  }

  /// Of chunks that reach the index as the session goes on only the last ones are held, and each is claimed once
  /// until then.
  @Test func claimsOfStoredChunksAreDropped() {
    let stored = Mutex<Set<Digest>>([])
    let claims = ClaimSet { id in stored.withLock { $0.contains(id) } }
    var random = SplitMix(state: 13)
    var largest = 0
    for _ in 0..<40 {
      let segment = (0..<5_000).map { _ in
        Digest(random.next(), random.next(), random.next(), random.next())
      }
      #expect(segment.allSatisfy { claims.claim($0) })
      #expect(!segment.contains { claims.claim($0) })
      stored.withLock { $0.formUnion(segment) }
      largest = max(largest, claims.count)
    }
    #expect(largest < 30_000)
  }
}
