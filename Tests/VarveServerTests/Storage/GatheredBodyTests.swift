import Testing
import VarveServer

@Suite struct GatheredBodyTests {
  /// A mebibyte that comes one byte at a time takes a mebibyte, in every round.
  @Test func bytesThatComeOneByOne() {
    let capacity = 1 << 20
    var gathered = GatheredBody(capacity: capacity)
    #expect(gathered.storageSize == 0)
    // Each in a buffer of its own of the size that a connection reads.
    let received = [UInt8](repeating: 7, count: 32 << 10)
    for _ in 0..<3 {
      var largest = 0
      for index in 0..<capacity {
        let taken = received.withUnsafeBytes {
          gathered.take(UnsafeRawBufferPointer(rebasing: $0[(index % 1024)..<(index % 1024 + 1)]))
        }
        guard taken == 1 else {
          Issue.record("byte \(index) was not taken")
          return
        }
        largest = max(largest, gathered.storageSize)
      }
      #expect(gathered.isFull && gathered.count == capacity)
      #expect(largest == capacity)
      gathered.clear()
      #expect(gathered.count == 0 && !gathered.isFull)
    }
  }

  @Test func whatHasNoRoomIsLeft() {
    var gathered = GatheredBody(capacity: 10)
    let bytes = [UInt8](0..<16)
    #expect(
      bytes.withUnsafeBytes { gathered.take(UnsafeRawBufferPointer(rebasing: $0[..<4])) } == 4)
    #expect(bytes.withUnsafeBytes { gathered.take($0) } == 6)
    #expect(gathered.isFull)
    #expect(bytes.withUnsafeBytes { gathered.take($0) } == 0)
    gathered.clear()
    #expect(bytes.withUnsafeBytes { gathered.take($0) } == 10)
    #expect(GatheredBody(capacity: 0).isFull)
  }
}
